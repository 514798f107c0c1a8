//! The catalogue as data: its page is up to date, its rows are well formed.
//! `LOCKGATE_UPDATE=1 cargo test --test paths_catalogue` writes the page.

#![expect(
    clippy::unwrap_used,
    reason = "a test helper stops at the first thing that is wrong"
)]

use lockgate::engine::guard::catalogue::{Kind, Place, places};
use lockgate::engine::guard::paths::printers;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Secret => "secret",
        Kind::Generic => "secret, where something says that a file is meant",
        Kind::Guarded => "self-protection",
        Kind::GuardedWrites => "self-protection, changes only",
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(',')
        .map(|p| p.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|p| !p.is_empty())
        .collect()
}

fn code(items: &[String]) -> String {
    items
        .iter()
        .map(|p| format!("`{p}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn page() -> String {
    let mut page = "# Secret places\n\n\
        Made from the catalogue in `src/engine/guard/catalogue`; do not edit by hand.\n\n\
        A pattern fits wherever a path ends with it, in any case. A leading `/` ties it to the root, a trailing `/**` takes \
        the directory and all below it, `@/` stands for every place where desktop systems keep applications' data, a leading `~/` ties it to somebody's home. \
        A copy that an editor, a person or log rotation leaves beside a file (`.bak`, `.orig`, `~`, `.1`, `.swp`, `#x#`) is what it is a copy of. \
        Beside the rows, going through all of a home directory, or of a directory that holds a row's place, is an access to it \
        (`secret-tree`), and so is the home of root for anyone else (`root-home`). \
        A name that narrows such a walk (`-name`, `--include`, `-g`) makes it an honest one where only names are listed, unless it is a secret's; where \
        what is found is read (`-exec cat`, `| xargs cat`, `grep -r`), only a name that no row's place has does, and source code and prose (`*.rs`, `*.md`) pass.\n\n\
        Not covered, said plainly: a secret under a name that no row knows, a file inside a project that a recursive search of that \
        project brings to light, hard links, and what a script computes while it runs. These are for the sandbox. \
        In program text a name that is only compared or listed is no access where nothing is opened, and loading `.env` into the environment \
        (`load_dotenv()`) is none; in SQL a literal that is compared, stored or shown is none, and a path that comes from a table is not seen. \
        `/etc/passwd` holds no secret and is guarded against changes only, as are the files of the home directory that a shell or a session starts with; \
        the same names in a repository are ordinary files. \
        Nor is a bare word that a tool with an open name (`search`) looks for below a home: it may be part of a file's name as well as \
        of what files hold. What `git ls-files`, `git log --oneline`, `git check-ignore` and `git rm --cached` say about a relative name is no access.\n\n\
        In a command line, what `ls`, `stat`, `wc`, `touch`, `rm` and `chmod` do to a file of a project is no access: nothing of it comes \
        back. Writing to one (`echo A=1 > .env`) is, as it is for any other tool. Nor is a key that `ssh -i` uses or `ssh-add` hands to the agent, \
        the login that `kubectl --kubeconfig ~/.kube/x` uses, `chmod` that shuts a file to others (`chmod 644` on it is an access), a file that `--env-file` \
        gives to a program (unless the line prints the environment), or where `KUBECONFIG` and its like point. A program that prints a \
        secret it keeps elsewhere is stopped as `secret-printer`: the list is at the end of this page. What prints the environment is not \
        on it: lockgate starts servers with an environment of its own.\n\n\
        Stopped although it may be honest: the names in a secret directory (`ls ~/.ssh`), for they say which keys there are and what to ask for next; a value that is nothing but a secret's name, where the argument's name does not say that it is \
        text (`{\"name\": \".env\"}`, a `thought` of one absolute path); prose that names one under `input`; a git ref or a resource whose last part is such a name (`feature/.env`, `docs://ssh/id_rsa-guide`); \
        a selector such as `a[href$=\".env\"]` in browser code; a page below a secret's name on the machine itself \
        (`http://localhost:8000/.env`).\n"
        .to_owned();
    for Place {
        id,
        what,
        source,
        kind: of,
        patterns,
        except,
    } in places()
    {
        write!(
            page,
            "\n## {id}\n\n{what}. Kind: {}. Source: {source}.\n\n{}\n",
            kind(*of),
            code(&list(patterns))
        )
        .unwrap();
        let except: Vec<String> = except.iter().flat_map(|e| list(e)).collect();
        if !except.is_empty() {
            write!(page, "\nExcept {}\n", code(&except)).unwrap();
        }
    }
    page.push_str(
        "\n## secret-printer\n\nPrograms that print secrets which they keep elsewhere.\n\n",
    );
    for (tells, source) in printers().collect::<BTreeSet<_>>() {
        writeln!(page, "- {tells}. Source: {source}.").unwrap();
    }
    page
}

#[test]
fn the_page_is_up_to_date() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/secret-places.md");
    if std::env::var_os("LOCKGATE_UPDATE").is_some() {
        std::fs::write(&file, page()).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == page(),
        "docs/secret-places.md is stale: run with LOCKGATE_UPDATE=1"
    );
}

#[test]
fn rows_are_well_formed() {
    let mut ids = BTreeSet::new();
    let mut patterns = BTreeSet::new();
    for place in places() {
        assert!(ids.insert(place.id), "{} twice", place.id);
        assert!(
            !place.source.is_empty() && !place.what.is_empty(),
            "{}",
            place.id
        );
        for pattern in list(place.patterns) {
            assert_eq!(
                pattern,
                pattern.to_lowercase(),
                "{}: names are compared in lower case",
                place.id
            );
            assert!(
                !pattern.trim_matches(['*', '/', '.']).is_empty(),
                "{}: `{pattern}` takes everything",
                place.id
            );
            assert!(
                patterns.insert(pattern.clone()),
                "`{pattern}` twice, again in {}",
                place.id
            );
        }
    }
}
