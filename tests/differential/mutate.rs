//! A seeded mutator: valid messages, changed in the ways in which JSON readers
//! are known to differ.

/// Makes candidates; the same ones for the same seed.
pub(crate) struct Mutator(u64);

/// Spellings of numbers, most of which some reader treats in its own way.
const NUMBERS: [&str; 22] = [
    "0",
    "-0",
    "-0.0",
    "1.0",
    "1e0",
    "1E+2",
    "1e-7",
    "1e21",
    "1e308",
    "1e309",
    "-1e309",
    "1e-400",
    "9007199254740991",
    "9007199254740993",
    "18446744073709551616",
    "01",
    "+1",
    ".5",
    "1.",
    "0x10",
    "NaN",
    "123456789012345678901234567890",
];

/// Keys that readers treat in their own way.
const KEYS: [&str; 18] = [
    "method",
    "Method",
    "METHOD",
    "id",
    "ID",
    "params",
    "Params",
    "paramſ",
    "name",
    "Name",
    "uri",
    "URI",
    "arguments",
    "argumentſ",
    "__proto__",
    "constructor",
    "",
    r"name\u0000",
];

/// Values to put in the place of another, or under a new key.
const VALUES: [&str; 14] = [
    "null",
    "true",
    "[]",
    "{}",
    r#""""#,
    r#""ping""#,
    r#""tools/call""#,
    r#""\u0000""#,
    r#""\ud83d\ude00""#,
    r#""\ud800""#,
    r#""\udc00\ud800""#,
    r#""\/\b\f""#,
    "\"\u{e9}\"",
    r#"{"name":"a","Name":"b"}"#,
];

/// Bytes to put anywhere.
const NOISE: [&[u8]; 20] = [
    b" ",
    b"\t",
    b"\r",
    b"\n",
    b"\x0b",
    b"\x0c",
    b"\xc2\xa0",
    b"\xe2\x80\xa8",
    b"\xef\xbb\xbf",
    b"\x00",
    b"\x7f",
    b"\xff",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b",",
    b"/**/",
    b"//\n",
    b"{}",
    b"\"",
    b"\\",
];

impl Mutator {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// xorshift64*
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next()).expect("48 bits") % bound.max(1)
    }

    fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    /// A base with one to three changes.
    pub(crate) fn mutant(&mut self, bases: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = bases[self.below(bases.len())].clone();
        for _ in 0..=self.below(3) {
            bytes = self.change(bytes);
        }
        bytes
    }

    fn change(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        let strings = strings(&bytes);
        let values = values(&bytes);
        match self.below(10) {
            // A member more, somewhere in some object.
            0 | 1 => {
                let member = format!("\"{}\":{},", self.pick(&KEYS), self.value());
                self.insert_after(bytes, b'{', member.as_bytes())
            }
            // A member twice, or an item.
            2 => self.repeat(bytes),
            // A string, some of whose characters are spelled as escapes.
            3 | 4 if !strings.is_empty() => {
                let (start, end) = strings[self.below(strings.len())];
                let spelled = self.escaped(&bytes[start..end]);
                bytes.splice(start..end, spelled);
                bytes
            }
            // Another case.
            5 if !strings.is_empty() => {
                let (start, end) = strings[self.below(strings.len())];
                let spelled = self.recased(&bytes[start..end]);
                bytes.splice(start..end, spelled);
                bytes
            }
            // Another value.
            6 | 7 if !values.is_empty() => {
                let (start, end) = values[self.below(values.len())];
                let value = self.value();
                bytes.splice(start..end, value.into_bytes());
                bytes
            }
            8 => {
                let at = self.below(bytes.len() + 1);
                let noise = self.pick(&NOISE);
                bytes.splice(at..at, noise.iter().copied());
                bytes
            }
            _ => self.damaged(bytes),
        }
    }

    fn value(&mut self) -> String {
        match self.below(4) {
            0 => self.pick(&NUMBERS).to_owned(),
            1 => {
                let depth = 1 + self.below(120);
                format!("{}1{}", "[".repeat(depth), "]".repeat(depth))
            }
            _ => self.pick(&VALUES).to_owned(),
        }
    }

    fn insert_after(&mut self, mut bytes: Vec<u8>, mark: u8, what: &[u8]) -> Vec<u8> {
        let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] == mark).collect();
        if !places.is_empty() {
            let at = places[self.below(places.len())] + 1;
            bytes.splice(at..at, what.iter().copied());
        }
        bytes
    }

    /// Repeats what stands between two commas or braces.
    fn repeat(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        let is_mark = |b: &u8| matches!(b, b'{' | b'}' | b',' | b'[' | b']');
        let marks: Vec<usize> = (0..bytes.len()).filter(|at| is_mark(&bytes[*at])).collect();
        let at = self.below(marks.len().max(2) - 1);
        if let (Some(start), Some(end)) = (marks.get(at), marks.get(at + 1)) {
            let part = [&bytes[start + 1..*end], b","].concat();
            let at = start + 1;
            bytes.splice(at..at, part);
        }
        bytes
    }

    fn escaped(&mut self, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for byte in text {
            if byte.is_ascii_alphanumeric() && self.below(3) == 0 {
                let spelled = if self.below(2) == 0 {
                    format!("\\u{byte:04x}")
                } else {
                    format!("\\u{byte:04X}")
                };
                out.extend(spelled.into_bytes());
            } else {
                out.push(*byte);
            }
        }
        out
    }

    fn recased(&mut self, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for byte in text {
            match (byte, self.below(3)) {
                (b's', 0) => out.extend("\u{17f}".bytes()),
                (b'k', 0) => out.extend("\u{212a}".bytes()),
                (_, 1) => out.push(byte.to_ascii_uppercase()),
                _ => out.push(*byte),
            }
        }
        out
    }

    /// A byte less, another, or the rest missing.
    fn damaged(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        if bytes.is_empty() {
            return bytes;
        }
        let at = self.below(bytes.len());
        match self.below(3) {
            0 => drop(bytes.remove(at)),
            1 => bytes[at] = u8::try_from(self.below(256)).expect("a byte"),
            _ => bytes.truncate(at),
        }
        bytes
    }
}

/// The insides of all strings, keys included.
fn strings(bytes: &[u8]) -> Vec<(usize, usize)> {
    let quotes: Vec<usize> = (0..bytes.len())
        .filter(|at| bytes[*at] == b'"' && (*at == 0 || bytes[*at - 1] != b'\\'))
        .collect();
    quotes
        .chunks_exact(2)
        .map(|pair| (pair[0] + 1, pair[1]))
        .collect()
}

/// What stands after each colon, up to the next comma or closing brace.
fn values(bytes: &[u8]) -> Vec<(usize, usize)> {
    let colons = (0..bytes.len()).filter(|at| bytes[*at] == b':');
    colons
        .filter_map(|colon| {
            let rest = &bytes[colon + 1..];
            let length = rest.iter().position(|b| matches!(b, b',' | b'}' | b']'))?;
            Some((colon + 1, colon + 1 + length))
        })
        .collect()
}
