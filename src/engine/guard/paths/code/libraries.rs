//! What program text reaches without naming a file: home directories that it
//! goes through, and secrets that a library opens for it. Linear in the text.

use std::collections::BTreeSet;

/// Ways to say "the home directory", white space left out.
const HOMES: [&str; 26] = [
    "expanduser('~')",
    "expanduser(\"~\")",
    "expanduser('~/')",
    "expanduser(\"~/\")",
    "path.home()",
    "homedir()",
    "environ['home']",
    "environ[\"home\"]",
    "environ.get('home')",
    "environ.get(\"home\")",
    "getenv('home')",
    "getenv(\"home\")",
    "process.env.home",
    "process.env['home']",
    "process.env[\"home\"]",
    "process.env.userprofile",
    "env['home']",
    "env[\"home\"]",
    "env.fetch('home')",
    "$env{home}",
    "dir.home",
    "userhomedir()",
    "home_dir()",
    "getproperty(\"user.home\")",
    "env.get(\"home\")",
    "specialfolder.userprofile)",
];

/// A call of a library that opens a secret by itself.
struct Opener {
    /// What stands in the code, white space left out.
    call: &'static str,
    /// What has to stand there as well.
    beside: &'static str,
    /// The place that is read.
    place: &'static str,
}

const fn opener(call: &'static str, beside: &'static str, place: &'static str) -> Opener {
    Opener {
        call,
        beside,
        place,
    }
}

/// Each line's reason stands above it. Loading settings into the environment
/// (`load_dotenv()`) is how programs start, and no reading.
const OPENERS: [Opener; 18] = [
    // python-dotenv: returns what `.env` of the working directory holds.
    opener("dotenv_values()", "", ".env"),
    // Python netrc: without a file it parses the one in the home directory.
    opener("netrc.netrc()", "", "~/.netrc"),
    opener("=netrc()", "importnetrc", "~/.netrc"),
    // Ruby net-netrc: the same.
    opener("netrc.read", "require", "~/.netrc"),
    // Python keyring: the key chain of the desktop.
    opener(
        "keyring.get_password(",
        "",
        "~/.local/share/keyrings/login.keyring",
    ),
    opener(
        "keyring.get_credential(",
        "",
        "~/.local/share/keyrings/login.keyring",
    ),
    opener(
        "get_password(",
        "importget_password",
        "~/.local/share/keyrings/login.keyring",
    ),
    // SecretStorage, the D-Bus interface to the same.
    opener(
        "secretstorage.",
        "get_secret",
        "~/.local/share/keyrings/login.keyring",
    ),
    // node-keytar: the same for Node.
    opener(
        "getpassword(",
        "keytar",
        "~/.local/share/keyrings/login.keyring",
    ),
    opener(
        "findcredentials(",
        "keytar",
        "~/.local/share/keyrings/login.keyring",
    ),
    // boto3 and botocore: the resolved keys themselves.
    opener("get_credentials()", "boto", "~/.aws/credentials"),
    // AWS SDK for JavaScript: a provider that is called hands out the keys.
    opener("fromini()()", "", "~/.aws/credentials"),
    opener("defaultprovider()()", "", "~/.aws/credentials"),
    // browser_cookie3, rookiepy, pycookiecheat: cookies of the browsers, decrypted.
    opener(
        "browser_cookie3.",
        "",
        "~/.config/google-chrome/Default/Cookies",
    ),
    opener("rookiepy.", "", "~/.config/google-chrome/Default/Cookies"),
    opener(
        "chrome_cookies(",
        "",
        "~/.config/google-chrome/Default/Cookies",
    ),
    // Python spwd: /etc/shadow.
    opener("spwd.getsp", "", "/etc/shadow"),
    // pywin32: the credential store of Windows.
    opener(
        "win32cred.cred",
        "",
        "~/AppData/Local/Microsoft/Credentials/x",
    ),
];

/// Without white space and in lower case.
fn compact(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// The places that libraries open for program text.
pub(in crate::engine::guard::paths) fn opened_by_library(text: &str) -> Vec<&'static str> {
    let text = compact(text);
    OPENERS
        .iter()
        .filter(|o| text.contains(o.call) && text.contains(o.beside))
        .map(|o| o.place)
        .collect()
}

/// The home directory where program text goes through all of it, with the
/// names that it looks for. `Path.home() / 'work'` is narrowed and no such root.
pub(in crate::engine::guard::paths) fn roots(text: &str) -> Vec<(String, Vec<String>)> {
    if !super::walks(text) || !is_bare_home(text) {
        return Vec::new();
    }
    // Only a walk that is given a pattern is narrowed by it.
    let by_pattern = text.contains("rglob(")
        && !["os.walk", "make_archive", "copytree"]
            .iter()
            .any(|w| text.contains(w));
    let names = if by_pattern {
        text.split("rglob(")
            .skip(1)
            .filter_map(|after| {
                let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
                after.get(1..)?.split(quote).next().map(str::to_owned)
            })
            .take(16)
            .collect()
    } else {
        Vec::new()
    };
    vec![("~".to_owned(), names)]
}

/// Whether the home directory itself is meant somewhere, and not a place below.
fn is_bare_home(text: &str) -> bool {
    let plain = text.to_ascii_lowercase();
    let mut names: BTreeSet<&str> = BTreeSet::new();
    // `const {HOME} = process.env`
    if plain.contains("=process.env") || plain.contains("= process.env") {
        names.insert("home");
    }
    for home in HOMES {
        for (at, _) in plain.match_indices(home) {
            let before = near_end(plain.get(..at).unwrap_or_default());
            let after = plain
                .get(at.saturating_add(home.len())..)
                .unwrap_or_default();
            if goes_on(before, after) || is_shown(before) {
                continue;
            }
            let Some(name) = assigned(before) else {
                return true;
            };
            names.insert(name);
        }
    }
    names.len() > 64 || (!names.is_empty() && is_any_bare(&plain, &names))
}

/// The last part of what stands before, for looking back in constant time.
fn near_end(text: &str) -> &str {
    (0..4)
        .find_map(|n| text.get(text.len().saturating_sub(128).saturating_add(n)..))
        .unwrap_or(text)
}

/// Whether what follows makes a longer path: `/ 'work'`, `, 'work')`, `+ '/work'`.
fn goes_on(before: &str, after: &str) -> bool {
    let after = after.get(..64).unwrap_or(after);
    let after = after.trim_start_matches([')', '}', ' ', ']']);
    let quoted = |t: &str| t.trim_start().starts_with(['"', '\'', '`']);
    let joining = before
        .rsplit(['\n', ';', '='])
        .next()
        .is_some_and(|b| b.contains("join("));
    match after.chars().next() {
        Some('/') => true,
        Some('+') => after.get(1..).is_some_and(quoted),
        Some(',') => joining && after.get(1..).is_some_and(quoted),
        Some('.') => ["joinpath(", "join(", "concat(", "resolve(\"", "push(\""]
            .iter()
            .any(|j| after.get(1..).is_some_and(|rest| rest.starts_with(j))),
        _ => false,
    }
}

/// Whether what stands before only prints: `print(os.`, `console.log(`.
fn is_shown(before: &str) -> bool {
    let call = before.trim_end_matches(|c: char| is_name(c) || c == '.');
    ["print(", "log(", "echo(", "puts(", "println("]
        .iter()
        .any(|show| call.ends_with(show))
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The name that `before` assigns to: `h = os.path.`.
fn assigned(before: &str) -> Option<&str> {
    let line = before.rsplit(['\n', ';']).next()?;
    let (name, value) = line.split_once('=')?;
    // The home is all that is assigned, and given to no call.
    let value = value.replace("path(", "").replace("str(", "");
    let alone = value.matches('(').count() == value.matches(')').count() && !value.contains(',');
    let name = name
        .trim_end_matches([' ', ':'])
        .rsplit(|c| !is_name(c))
        .next()?;
    (alone && !name.is_empty()).then_some(name)
}

/// Whether one of the names stands for itself: `walk(h)`, and not `h + '/work'`.
fn is_any_bare(text: &str, names: &BTreeSet<&str>) -> bool {
    let mut at = 0_usize;
    for word in text.split(|c| !is_name(c)) {
        let start = at;
        at = at.saturating_add(word.len()).saturating_add(1);
        // A character that ends a word may have more than one byte.
        while !text.is_char_boundary(at) && at < text.len() {
            at = at.saturating_add(1);
        }
        if !names.contains(word) {
            continue;
        }
        let before = near_end(text.get(..start).unwrap_or_default());
        let after = text
            .get(start.saturating_add(word.len())..)
            .unwrap_or_default();
        let next = after.get(..16).unwrap_or(after).trim_start();
        let given = before.trim_end().ends_with(['(', ',']) && next.starts_with([')', ',']);
        let walks = [".rglob", ".walk", ".glob", ".iterdir"]
            .iter()
            .any(|w| after.starts_with(w));
        if (given && !goes_on(before, after)) || walks {
            return true;
        }
    }
    false
}
