use super::*;
use crate::engine::message::{Document, Limits};
use crate::engine::pin::{Package, Registry, Transport};
use crate::engine::types::ServerName;

fn approve(pins: &mut ServerPins, definition: &str) {
    let document = Document::read(definition.into(), &Limits::DEFAULT).expect("JSON");
    let approval = Approval {
        by: Some("ana".to_owned()),
        at: Some("2026-11-24T09:30:00Z".parse().expect("a time")),
        lockgate: Some("0.1.0".to_owned()),
    };
    pins.approve(document.root(), approval)
        .expect("a definition");
}

fn example() -> Lockfile {
    let mut pins = ServerPins {
        launch: Some(Launch {
            transport: Transport::Stdio,
            command: ["npx", "-y", "files@1.2.3"].map(str::to_owned).to_vec(),
            url: None,
            executable: Some("/usr/bin/node".to_owned()),
            executable_digest: Some(Digest([7; 32])),
            package: Some(Package {
                registry: Registry::Npm,
                name: "files".to_owned(),
                version: Some("1.2.3".to_owned()),
            }),
        }),
        identity: Some(Identity {
            name: Some("files".to_owned()),
            protocol: Some("2025-11-25".to_owned()),
            instructions: Some("Say \"please\".\n\nBe\u{200b}ware.".to_owned()),
            ..Identity::default()
        }),
        ..ServerPins::default()
    };
    approve(&mut pins, r#"{"name":"old","description":"Old."}"#);
    pins.bury("old", "2026-11-25T00:00:00Z".parse().ok());
    approve(
        &mut pins,
        r#"{"name":"read","title":"Read '''it'''","description":"Reads\u200b a file.","inputSchema":{"type":"object","required":["path"],"properties":{"path":{"type":"string","maxLength":1.0e3}}},"x y":[]}"#,
    );
    let mut lockfile = Lockfile::default();
    let name = ServerName::new("fs.local").expect("a name");
    lockfile.servers.insert(name, pins);
    lockfile
}

#[test]
fn the_file_is_made_for_review() {
    insta::assert_snapshot!(example(), @r##"
    # lockgate.lock: the tool definitions that lockgate lets a model see.
    # Written by `lockgate pin` and `lockgate approve`; review changes like code.
    version = 1

    [server."fs.local"]

    [server."fs.local".launch]
    transport = "stdio"
    command = ["npx", "-y", "files@1.2.3"]
    executable = "/usr/bin/node"
    executable_digest = "sha256:0707070707070707070707070707070707070707070707070707070707070707"

    [server."fs.local".launch.package]
    registry = "npm"
    name = "files"
    version = "1.2.3"

    [server."fs.local".identity]
    name = "files"
    protocol = "2025-11-25"
    instructions = """
    Say \"please\".

    Be\U0000200bware."""

    [server."fs.local".tool.read]
    review = "approved"
    approved_by = "ana"
    approved_at = 2026-11-24T09:30:00Z
    lockgate = "0.1.0"
    digest = "sha256:4fe8a46cc244dae3c1ddb86c6c26523e2ed4f9a8a7df63857635214dfd9825e6"
    definition = '''
    {
      "description": "Reads\u200b a file.",
      "inputSchema": {
        "properties": {
          "path": {
            "maxLength": 1.0e3,
            "type": "string"
          }
        },
        "required": ["path"],
        "type": "object"
      },
      "name": "read",
      "title": "Read ''\u0027it''\u0027",
      "x y": []
    }
    '''

    [server."fs.local".tool.read.fields]
    description = "sha256:beef7c52ed32038294c9c8f9dccca40dd628c48cc7c00790525b29241fa693bc"
    inputSchema = "sha256:37c12fa02640e3d518ab96f49cc62b831cbfec1118d6c09e52651e835f7455c0"
    name = "sha256:9da5f491d279461321f40cdd5a4fb6c1333a2ad92cbf603d42a512529f0b84f9"
    title = "sha256:c603ce0a3527404770ab6213331fecdcb3b7a6a8022e8a5b32d4d2151ba20cdc"
    "x y" = "sha256:b99c771c8552c35e8fdb65398260758a0c1bb9a236448b267ec0bda29971f29f"

    [server."fs.local".removed.old]
    digest = "sha256:3c58ecd249de0c552a17b917cf856d1c4d0b318b29a339e1d88cc3f979bb1e3c"
    description = "sha256:67b0f142a0f8c44cee07d67e2fbd3f4e8854ae82d469dd7a4f3722a33bc9dde6"
    removed_at = 2026-11-25T00:00:00Z
    "##);
}

fn refused(text: &str) -> String {
    let errors = Lockfile::parse(text).expect_err("refused");
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[test]
fn hand_edits_are_refused_with_their_line() {
    let text = example().to_string();
    assert_eq!(Lockfile::parse(&text), Ok(example()));
    let edits = [
        ("version = 1", "version = 2"),
        ("version = 1\n", ""),
        ("review = \"approved\"", "review = \"yes\""),
        ("review = \"approved\"", "review = \"approved\"\nextra = 1"),
        ("Reads\\u200b a", "Writes a"),
        ("Reads\\u200b a", "Reads a"),
        ("\"maxLength\": 1.0e3", "\"maxLength\": 1001"),
        ("\"name\": \"read\"", "\"name\": \"write\""),
        ("\"x y\": []", "\"x y\": [], \"x y\": []"),
        ("2026-11-24T09:30:00Z", "2026-11-24"),
        ("transport = \"stdio\"", "transport = \"pipe\""),
        (
            "[server.\"fs.local\".removed.old]",
            "[server.\"fs.local\".removed.read]",
        ),
        ("fs.local", "fs local"),
        ("\ntitle = \"sha256:", "\ntitle = \"sha256:0"),
    ];
    let mut all = String::new();
    for (from, to) in edits {
        assert!(text.contains(from), "`{from}` is not in the file");
        let shown = format!("{from} -> {to}").replace('\n', "\\n");
        all.extend([
            shown.as_str(),
            "\n",
            &refused(&text.replace(from, to)),
            "\n",
        ]);
    }
    insta::assert_snapshot!(all, @r##"
    version = 1 -> version = 2
    line 3: expected version 1, found 2; use the lockgate that wrote this file
    version = 1\n -> 
    line 1: missing field `version`
    review = "approved" -> review = "yes"
    line 27: expected `approved` or `unreviewed`, found `yes`
    review = "approved" -> review = "approved"\nextra = 1
    line 28: unknown field `extra`, expected one of `review`, `approved_by`, `approved_at`, `lockgate`, `digest`, `definition`, `fields`
    Reads\u200b a -> Writes a
    line 31: the digest of `read` does not agree with the definition: one of them was edited; restore the file, or delete it and pin again
    line 52: the digest of `description` of `read` does not agree with the definition: one of them was edited; restore the file, or delete it and pin again
    Reads\u200b a -> Reads a
    line 31: the digest of `read` does not agree with the definition: one of them was edited; restore the file, or delete it and pin again
    line 52: the digest of `description` of `read` does not agree with the definition: one of them was edited; restore the file, or delete it and pin again
    "maxLength": 1.0e3 -> "maxLength": 1001
    line 31: the digest of `read` does not agree with the definition: one of them was edited; restore the file, or delete it and pin again
    line 53: the digest of `inputSchema` of `read` does not agree with the definition: one of them was edited; restore the file, or delete it and pin again
    "name": "read" -> "name": "write"
    line 31: the digest of `read` does not agree with the definition: one of them was edited; restore the file, or delete it and pin again
    line 32: the definition of `read` names `write`; restore the file, or delete it and pin again
    line 54: the digest of `name` of `read` does not agree with the definition: one of them was edited; restore the file, or delete it and pin again
    "x y": [] -> "x y": [], "x y": []
    line 32: the definition of `read`: duplicate key at byte 286: expected each key once, found `x y` again
    2026-11-24T09:30:00Z -> 2026-11-24
    line 29: expected a date and time with an offset, such as `2026-11-24T09:30:00Z`
    transport = "stdio" -> transport = "pipe"
    line 8: expected `stdio` or `http`, found `pipe`
    [server."fs.local".removed.old] -> [server."fs.local".removed.read]
    line 59: `read` is both pinned and removed; delete one of the two
    fs.local -> fs local
    line 5: server `fs local`: expected 1 to 64 letters, digits, `.`, `_` or `-`, starting with a letter or digit
    \ntitle = "sha256: -> \ntitle = "sha256:0
    line 55: expected `sha256:` and 64 lower-case hexadecimal digits, found `sha256:0c603ce0a3527404770ab6213331fecdcb3b7a6a8022e8a5b32d4d2151ba20cdc`
    "##);
}

#[test]
fn layout_of_a_definition_is_not_an_edit() {
    let text = example().to_string();
    let edits = [
        ("\"maxLength\": 1.0e3", "\"maxLength\":\t1000"),
        ("\"name\": \"read\"", "\"name\":\n\"\\u0072ead\""),
        ("'''\n{", "'''{"),
    ];
    for (from, to) in edits {
        assert!(text.contains(from));
        let read = Lockfile::parse(&text.replacen(from, to, 1)).expect(from);
        let digests = |lockfile: &Lockfile| {
            let pins = lockfile
                .servers
                .values()
                .flat_map(|pins| pins.tools.values());
            pins.map(|pin| pin.digest.clone()).collect::<Vec<_>>()
        };
        assert_eq!(digests(&read), digests(&example()));
    }
}

/// Every single changed letter of a digest or a definition is refused, or
/// changes nothing that is pinned.
#[test]
fn no_single_letter_can_be_edited_unseen() {
    let text = example().to_string();
    let first = text
        .find("[server.\"fs.local\".tool.read]")
        .expect("a tool");
    let last = text
        .find("[server.\"fs.local\".removed")
        .expect("a tombstone");
    let mut refused = 0;
    for (at, byte) in text.bytes().enumerate().take(last).skip(first) {
        if !byte.is_ascii_alphanumeric() {
            continue;
        }
        let mut edited = text.clone().into_bytes();
        edited[at] = if byte == b'0' { b'1' } else { b'0' };
        let edited = String::from_utf8(edited).expect("ASCII stays UTF-8");
        match Lockfile::parse(&edited) {
            Err(_) => refused += 1,
            Ok(read) => {
                let tools = |lockfile: &Lockfile| {
                    let pins = lockfile.servers.values().next().expect("one server");
                    pins.tools
                        .values()
                        .map(|p| p.digest.clone())
                        .collect::<Vec<_>>()
                };
                assert_eq!(tools(&read), tools(&example()), "{edited}");
            }
        }
    }
    assert!(refused > 400, "only {refused} edits were refused");
}
