use super::*;
use proptest::prelude::*;

/// All that a stream says, fed in pieces that end at `cuts`.
fn read(
    stream: &[u8],
    cuts: &[usize],
    bound: usize,
) -> (Vec<(String, bool)>, Option<String>, bool) {
    let mut decoder = Decoder::within(bound);
    let mut events = Vec::new();
    let mut cuts: Vec<usize> = cuts.iter().map(|c| c % (stream.len() + 1)).collect();
    cuts.extend([0, stream.len()]);
    cuts.sort_unstable();
    let fine = cuts
        .windows(2)
        .all(|pair| decoder.feed(&stream[pair[0]..pair[1]], &mut events).is_ok());
    let events = events.into_iter().map(|e| {
        (
            String::from_utf8_lossy(&e.data).into_owned(),
            e.kind == EventKind::Message,
        )
    });
    (events.collect(), decoder.last_id().map(str::to_owned), fine)
}

/// A stream, its events, and the id of the last.
type Case<'a> = (&'a str, &'a [(&'a str, bool)], Option<&'a str>);

#[test]
fn streams_of_the_standard() {
    let cases: &[Case<'_>] = &[
        ("data: a\n\n", &[("a", true)], None),
        (
            "data: a\r\n\r\ndata:b\r\rdata:  c\n\n",
            &[("a", true), ("b", true), (" c", true)],
            None,
        ),
        // The standard's own examples.
        (
            "data: YHOO\ndata: +2\ndata: 10\n\n",
            &[("YHOO\n+2\n10", true)],
            None,
        ),
        (
            ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
            &[
                ("first event", true),
                ("second event", true),
                (" third event", true),
            ],
            None,
        ),
        ("data\n\ndata\ndata\n\ndata:", &[("\n", true)], None),
        (
            "data:test\n\ndata: test\n\n",
            &[("test", true), ("test", true)],
            None,
        ),
        // Types, ids, what is not an event, what has not ended.
        ("event: message\ndata: a\n\n", &[("a", true)], None),
        (
            "event: endpoint\ndata: /x\n\ndata: b\n\n",
            &[("/x", false), ("b", true)],
            None,
        ),
        ("id: 7\ndata:\n\n", &[], Some("7")),
        (
            "id: 7\ndata: a\n\nid: 8\ndata: b\n",
            &[("a", true)],
            Some("7"),
        ),
        ("id: 7\n\nid: a\0b\n\n", &[], Some("7")),
        ("\u{feff}data: a\n\n", &[("a", true)], None),
        ("\u{feff}: comment\ndata: a\n\n", &[("a", true)], None),
        ("data: a\n\u{feff}data: b\n\n", &[("a", true)], None),
        (
            "unknown: x\nDATA: x\ndata : x\ndata: a\n\n",
            &[("a", true)],
            None,
        ),
        (":\n:\r\n\n\n", &[], None),
    ];
    for (stream, expected, id) in cases {
        let (events, last, fine) = read(stream.as_bytes(), &[], 1000);
        let events: Vec<_> = events.iter().map(|(d, m)| (d.as_str(), *m)).collect();
        assert_eq!(events, *expected, "{stream:?}");
        assert_eq!((last.as_deref(), fine), (*id, true), "{stream:?}");
    }
}

#[test]
fn the_time_to_wait_is_told() {
    let mut decoder = Decoder::new(10);
    let mut none = Vec::new();
    for (line, retry) in [
        ("retry: 1500\n", Some(1500)),
        ("retry: 1e3\n", Some(1500)),
        ("retry:\n", Some(1500)),
        ("retry: 99999999999999999999999\n", Some(u64::MAX)),
    ] {
        decoder.feed(line.as_bytes(), &mut none).unwrap();
        assert_eq!(decoder.retry(), retry.map(Duration::from_millis), "{line}");
    }
}

#[test]
fn nothing_grows_without_bound() {
    let mut decoder = Decoder::new(1000);
    let mut events = Vec::new();
    decoder.feed(b"data: a\n\n:", &mut events).unwrap();
    for _ in 0..1000 {
        decoder.feed(&[b'x'; 1000], &mut events).unwrap();
    }
    assert!(decoder.held() < 4096, "an endless comment is kept");
    // An endless line, an event of endless lines, an endless field.
    for piece in [&b"data: "[..], b"\ndata: xxxxxxxxxxx", b"\nfield"] {
        let mut decoder = Decoder::new(1000);
        let refused = (0..10_000).find_map(|_| {
            let fed = decoder.feed(piece, &mut events);
            let fed = fed.and_then(|()| decoder.feed(&[b'x'; 7], &mut events));
            assert!(decoder.held() < 8192, "{piece:?}");
            fed.err()
        });
        if piece != b"\nfield" {
            assert_eq!(refused, Some(TooLarge));
            assert_eq!(decoder.feed(b"\n\ndata: b\n\n", &mut events), Err(TooLarge));
        }
    }
    assert_eq!(events.len(), 1);
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    const PARTS: [&[u8]; 14] = [
        b"data",
        b":",
        b" ",
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"id: 4\n",
        b"event: x\n",
        b"data: {}\n\n",
        b"\xef\xbb\xbf",
        b"\xff",
        b"\0",
        b"abcdefghijklmnopqrst",
    ];
    let part = proptest::sample::select(&PARTS[..]);
    proptest::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn any_split_gives_the_same_events(
        stream in stream(),
        cuts in proptest::collection::vec(0..400_usize, 0..12),
        small in any::<bool>(),
    ) {
        let bound = if small { 30 } else { 1000 };
        prop_assert_eq!(read(&stream, &[], bound), read(&stream, &cuts, bound));
    }

    #[test]
    fn what_was_written_is_read(
        messages in proptest::collection::vec("[^\r\n\0]{1,40}(\n[^\r\n\0]{0,10}){0,3}", 0..6),
        ends in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
    ) {
        let mut written = String::new();
        for message in &messages {
            written.extend([": note", ends]);
            for text in message.split('\n') {
                written.extend(["data: ", text, ends]);
            }
            written.push_str(ends);
        }
        let (events, _, fine) = read(written.as_bytes(), &[], 10_000);
        let expected: Vec<_> = messages.into_iter().map(|m| (m, true)).collect();
        prop_assert!(fine);
        prop_assert_eq!(events, expected);
    }
}
