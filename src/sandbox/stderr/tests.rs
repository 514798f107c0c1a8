use super::*;
use proptest::prelude::*;

fn state() -> LinePrefix {
    LinePrefix::new(&ServerName::new("git").unwrap())
}

/// The whole stream at once.
fn shown(stream: &[u8]) -> String {
    let mut state = state();
    let mut out = prefix_lines(&mut state, stream);
    out.extend(state.finish());
    String::from_utf8(out).unwrap()
}

#[test]
fn lines_get_the_name_and_lose_their_power() {
    let cases: &[(&[u8], &str)] = &[
        (b"", ""),
        (b"ready\n", "[git] ready\n"),
        (b"a\n\nb", "[git] a\n[git]\n[git] b\n"),
        (b"a\r\nb\r\n", "[git] a\n[git] b\n"),
        (b"a\tb\n", "[git] a\tb\n"),
        (
            "gr\u{fc}\u{df} \u{1f980} \u{65e5}\n".as_bytes(),
            "[git] gr\u{fc}\u{df} \u{1f980} \u{65e5}\n",
        ),
        // Colour, clipboard, title, cursor, bell.
        (b"\x1b[31mred\x1b[0m\n", "[git] \\u{1b}[31mred\\u{1b}[0m\n"),
        (
            b"\x1b]52;c;ZXZpbA==\x07\n",
            "[git] \\u{1b}]52;c;ZXZpbA==\\u{7}\n",
        ),
        (b"\x1b[2J\x1b[H\n", "[git] \\u{1b}[2J\\u{1b}[H\n"),
        // A line that overwrites its own prefix, and lockgate's voice.
        (
            b"x\rlockgate: all is well\n",
            "[git] x\\rlockgate: all is well\n",
        ),
        (b"x\x08\x08\x7f\x00\n", "[git] x\\u{8}\\u{8}\\u{7f}\\u{0}\n"),
        (
            "x\u{2028}lockgate: fine\n".as_bytes(),
            "[git] x\\u{2028}lockgate: fine\n",
        ),
        // C1: CSI in one character, and as a bare byte.
        ("\u{9b}31m\n".as_bytes(), "[git] \\u{9b}31m\n"),
        (b"\x9b31m\n", "[git] \\x9b31m\n"),
        // Reordered and invisible text.
        (
            "\u{202e}txt.exe\u{200b}\u{e0041}\n".as_bytes(),
            "[git] \\u{202e}txt.exe\\u{200b}\\u{e0041}\n",
        ),
        (b"\xff\xfe ok\n", "[git] \\xff\\xfe ok\n"),
    ];
    for (stream, expected) in cases {
        assert_eq!(&shown(stream), expected);
    }
}

#[test]
fn an_endless_line_is_cut_and_counted() {
    let long = |length: usize| vec![b'a'; length];
    let full = "a".repeat(MAX_LINE);
    assert_eq!(shown(&long(MAX_LINE)), format!("[git] {full}\n"));
    for more in [1, 2, 100_000] {
        let mut stream = long(MAX_LINE + more);
        stream.extend(b"\nnext\n");
        let expected = format!("[git] {full} [lockgate: {more} bytes more]\n[git] next\n");
        assert_eq!(shown(&stream), expected);
    }
}

#[test]
fn memory_is_bounded_by_one_line() {
    let mut state = state();
    for _ in 0..1000 {
        assert!(prefix_lines(&mut state, &[b'x'; 10_000]).is_empty());
        assert!(state.line.len() <= MAX_LINE);
    }
}

#[test]
fn a_partial_line_waits_for_its_end() {
    let mut state = state();
    assert_eq!(prefix_lines(&mut state, b"rea"), b"");
    assert_eq!(prefix_lines(&mut state, b"dy\nne"), b"[git] ready\n");
    assert_eq!(state.finish(), b"[git] ne\n");
    assert_eq!(state.finish(), b"");
}

proptest! {
    /// How the stream is cut into pieces changes nothing, and nothing that comes
    /// out is obeyed by a terminal or can be taken for a line of lockgate's.
    #[test]
    fn any_stream_is_harmless_in_any_pieces(
        stream in proptest::collection::vec(
            prop_oneof![
                any::<u8>().prop_map(|byte| vec![byte]),
                any::<char>().prop_map(|c| c.to_string().into_bytes()),
                Just(b"\n".to_vec()),
                Just(b"\r".to_vec()),
            ],
            0..200,
        ),
        cuts in proptest::collection::vec(1_usize..20, 0..50),
    ) {
        let stream = stream.concat();
        let mut state = state();
        let (mut out, mut rest) = (Vec::new(), stream.as_slice());
        for cut in cuts {
            let (piece, tail) = rest.split_at(cut.min(rest.len()));
            out.extend(prefix_lines(&mut state, piece));
            rest = tail;
        }
        out.extend(prefix_lines(&mut state, rest));
        out.extend(state.finish());
        let out = String::from_utf8(out).unwrap();
        prop_assert_eq!(&out, &shown(&stream));
        prop_assert!(out.chars().all(|c| c == '\t' || c == '\n' || !c.is_control()));
        prop_assert!(out.lines().all(|line| line.starts_with("[git]")));
    }
}
