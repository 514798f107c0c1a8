//! Every policy that the project shows to anyone is a policy.

use super::{PRINCIPALS, Roots, agent, base, document, file, policy, server};
use lockgate::engine::pin::{Lockfile, Review, ServerPins, pin};
use lockgate::engine::policy::{
    AccessRequest, Action, Answer, Policy, PolicyBase, Severity, render,
};

/// Pins made of a list of tool definitions.
pub(super) fn lockfile(name: &str, definitions: &str) -> Lockfile {
    let document = document(definitions);
    let mut pins = ServerPins::default();
    for definition in document.root().items() {
        let (tool, pin) = pin(definition, Review::Approved).unwrap();
        pins.tools.insert(tool, pin);
    }
    let mut lockfile = Lockfile::default();
    lockfile.servers.insert(server(name), pins);
    lockfile
}

fn starter(name: &str) -> (String, Policy) {
    let text = file(&format!("policies/{name}.toml"));
    let policy = policy(&text);
    (text, policy)
}

/// Against the tools of the published packages, by name and type.
#[test]
fn starters_fit_the_servers_they_are_for() {
    for (name, server, idle) in [
        (
            "server-filesystem",
            "filesystem",
            Some(
                "this permits any text of any length in `/content` of `write_file`, and in `/edits/*/newText` of `edit_file`, and in `/edits/*/oldText` of `edit_file`",
            ),
        ),
        (
            "mcp-server-git",
            "git",
            Some("nothing permits these tools of `git`: `git_reset`"),
        ),
    ] {
        let (text, policy) = starter(name);
        let definitions = file(&format!("tests/cases/policy/schemas/{name}.json"));
        let found = policy.check_against(&lockfile(server, &definitions));
        let wrong: Vec<_> = found
            .iter()
            .filter(|d| d.severity != Severity::Note)
            .cloned()
            .collect();
        assert!(wrong.is_empty(), "{}", render(name, &text, &wrong, false));
        let notes: Vec<_> = found.iter().map(|d| d.message.as_str()).collect();
        assert_eq!(notes, Vec::from_iter(idle), "{name}");
    }
}

fn permits(policy: &Policy, on: &str, tool: &str, arguments: &str) -> bool {
    let (agent, server) = (agent("assistant"), server(on));
    let arguments = document(arguments);
    let request = AccessRequest {
        agent: &agent,
        principal: None,
        server: &server,
        action: Action::CallTool(tool),
        arguments: Some(arguments.root()),
    };
    matches!(policy.evaluate(&request, &Roots), Answer::Permit { .. })
}

#[test]
fn the_filesystem_starter_keeps_to_the_workspace() {
    let (_, policy) = starter("server-filesystem");
    for (tool, arguments, expected) in [
        ("read_text_file", r#"{"path":"/work/a.txt","head":3}"#, true),
        ("read_text_file", r#"{"path":"/etc/passwd"}"#, false),
        (
            "read_multiple_files",
            r#"{"paths":["/work/a","/work/b"]}"#,
            true,
        ),
        (
            "read_multiple_files",
            r#"{"paths":["/work/a","/etc/passwd"]}"#,
            false,
        ),
        ("read_multiple_files", r#"{"paths":"/etc/passwd"}"#, false),
        ("list_allowed_directories", "{}", true),
        (
            "write_file",
            r#"{"path":"/work/out/a","content":"x"}"#,
            true,
        ),
        (
            "write_file",
            r#"{"path":"/work/out/.git/hooks/pre-commit","content":"x"}"#,
            false,
        ),
        (
            "edit_file",
            r#"{"path":"/work/out//.GIT/config","edits":[]}"#,
            false,
        ),
        ("create_directory", r#"{"path":"/work/out/.git"}"#, false),
        (
            "write_file",
            r#"{"path":"/work/out/.gitignore","content":"x"}"#,
            true,
        ),
        (
            "move_file",
            r#"{"source":"/work/out/a","destination":"/work/out/b"}"#,
            true,
        ),
        (
            "move_file",
            r#"{"source":"/work/out/a","destination":"/work/out/.git/hooks/x"}"#,
            false,
        ),
        (
            "move_file",
            r#"{"source":"/work/out/.git","destination":"/work/out/b"}"#,
            false,
        ),
        ("delete_file", r#"{"path":"/work/out/a"}"#, false),
    ] {
        assert_eq!(
            permits(&policy, "filesystem", tool, arguments),
            expected,
            "{tool} {arguments}"
        );
    }
}

#[test]
fn the_git_starter_keeps_the_repository_and_its_work() {
    let (_, policy) = starter("mcp-server-git");
    for (tool, arguments, expected) in [
        ("git_status", r#"{"repo_path":"/work/out/r"}"#, true),
        ("git_status", r#"{"repo_path":"/home/me/other"}"#, false),
        (
            "git_diff",
            r#"{"repo_path":"/work/out/r","target":"main"}"#,
            true,
        ),
        (
            "git_diff",
            r#"{"repo_path":"/work/out/r","target":"--output=/home/me/.bashrc"}"#,
            false,
        ),
        (
            "git_show",
            r#"{"repo_path":"/work/out/r","revision":"-O/etc/passwd"}"#,
            false,
        ),
        (
            "git_add",
            r#"{"repo_path":"/work/out/r","files":["/work/out/r/a"]}"#,
            true,
        ),
        (
            "git_add",
            r#"{"repo_path":"/work/out/r","files":["../../.kube/config"]}"#,
            false,
        ),
        (
            "git_commit",
            r#"{"repo_path":"/work/out/r","message":"x"}"#,
            true,
        ),
        ("git_reset", r#"{"repo_path":"/work/out/r"}"#, false),
    ] {
        assert_eq!(
            permits(&policy, "git", tool, arguments),
            expected,
            "{tool} {arguments}"
        );
    }
}

#[test]
fn starters_say_where_things_are() {
    let (_, policy) = starter("server-filesystem");
    let server = &policy.servers[&server("filesystem")];
    assert_eq!(server.command.last().unwrap(), "/work");
    assert_eq!(server.cwd.as_deref(), Some("/work"));
    assert_eq!(policy.workspace.as_deref(), Some("/work"));
    assert_eq!(policy.paths.read, ["/work"]);
    assert!(policy.paths.defaults);
}

#[test]
fn paths_are_made_absolute() {
    let base = PolicyBase {
        dir: "/home/me/odd[1]".to_owned(),
        home: "/home/me/".to_owned(),
    };
    let text = r#"version = 1
[paths]
workspace = "./a/../b//"
read = ["~", "~/docs/", "${workspace}/src", "../../../../etc", "/tmp/./x"]
write = []
secret = ["+defaults", "${workspace}/*.key", "~/x/**"]
[audit]
dir = "~/audit"
"#;
    let policy = Policy::parse("p.toml", text, &base).unwrap();
    assert_eq!(policy.workspace.as_deref(), Some("/home/me/odd[1]/b"));
    assert_eq!(
        policy.paths.read,
        [
            "/home/me",
            "/home/me/docs",
            "/home/me/odd[1]/b/src",
            "/etc",
            "/tmp/x"
        ]
    );
    assert!(policy.paths.write.is_empty());
    assert_eq!(
        policy.paths.secret,
        ["/home/me/odd[[]1[]]/b/*.key", "/home/me/x/**"]
    );
    assert_eq!(policy.audit_dir.as_deref(), Some("/home/me/audit"));
}

/// The examples of the reference, each a policy or a part of one.
#[test]
fn the_reference_is_right() {
    let (text, identity) = (file("docs/policy.md"), file("docs/identity.md"));
    let examples: Vec<_> = blocks(&text).collect();
    assert!(examples.len() >= 4, "the examples were not found");
    for example in examples {
        let whole = if example.contains("version = 1") {
            example.to_owned()
        } else {
            let also = "agent.claude-code.stdio = true\nserver.github.command = [\"g\"]\n";
            format!("{PRINCIPALS}{also}{example}")
        };
        policy(&whole);
    }
    // Parts of one policy.
    policy(&format!(
        "{PRINCIPALS}{}",
        blocks(&identity).collect::<String>()
    ));
}

fn blocks(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split("```toml\n").skip(1);
    parts.filter_map(|rest| rest.split("```").next())
}

/// The reference names every key and every constraint, and no other.
#[test]
fn the_reference_knows_every_key() {
    let text = file("docs/policy.md");
    // What the reader expects is what it suggests for keys that nobody knows.
    for (policy, table) in [
        ("qqqqqqqqqqqq = 1", "a policy"),
        ("server.s.qqqqqqqqqqqq = 1", "a server"),
        ("[[rule]]\nqqqqqqqqqqqq = 1", "a rule"),
        ("[paths]\nqqqqqqqqqqqq = 1", "paths"),
        ("[defaults]\nqqqqqqqqqqqq = 1", "defaults"),
        ("set.a.qqqqqqqqqqqq = 1", "a set"),
        ("[[rule]]\nlimit.qqqqqqqqqqqq = 1", "a limit"),
        ("[[rule]]\nwhen.qqqqqqqqqqqq = 1", "a window"),
        ("agent.a.qqqqqqqqqqqq = 1", "an agent"),
        ("agent.a.stdio.qqqqqqqqqqqq = 1", "stdio"),
        ("agent.a.jwt.qqqqqqqqqqqq = 1", "jwt"),
        ("agent.a.mtls.qqqqqqqqqqqq = 1", "mtls"),
        ("[[rule]]\nargs.\"/x\".qqqqqqqqqqqq = 1", "a constraint"),
    ] {
        let found = Policy::parse("p.toml", policy, &base()).unwrap_err();
        let unknown = found
            .iter()
            .find(|d| d.message.contains("qqqqqqqqqqqq"))
            .unwrap();
        let help = unknown.help.clone().unwrap();
        let keys = help.split('`').skip(1).step_by(2);
        for key in keys {
            let is_told = [format!("`{key}"), format!("[{key}"), format!("[[{key}")]
                .iter()
                .any(|spelling| text.contains(spelling.as_str()));
            assert!(is_told, "{table}: docs/policy.md does not tell of `{key}`");
        }
    }
}
