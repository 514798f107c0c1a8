//! The packs of `policies/`, each with its tests and the tools of its server.

use std::fs;

pub(crate) struct Pack {
    /// `NAME` or `NAME.read-only`.
    pub(crate) name: String,
    pub(crate) policy: String,
    pub(crate) tests: String,
    /// The definitions of the published package, of which both variants are.
    pub(crate) tools: String,
    /// What the policy calls the server.
    pub(crate) server: String,
}

/// All of them, by name.
pub(crate) fn packs() -> Vec<Pack> {
    let directory = format!("{}/policies", env!("CARGO_MANIFEST_DIR"));
    let files = fs::read_dir(directory).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names
        .filter(|name| !name.ends_with(".test.toml"))
        .filter_map(|name| Some(name.strip_suffix(".toml")?.to_owned()))
        .collect();
    names.sort();
    names.into_iter().map(pack).collect()
}

fn pack(name: String) -> Pack {
    let of = name.strip_suffix(".read-only").unwrap_or(&name);
    let tools = file(&format!("tests/cases/policy/schemas/{of}.json"));
    let policy = file(&format!("policies/{name}.toml"));
    let mut servers = policy.lines().filter_map(|line| {
        let server = line.strip_prefix("[server.")?.strip_suffix(']')?;
        Some(server.to_owned())
    });
    let server = servers
        .next()
        .unwrap_or_else(|| panic!("policies/{name}.toml has no line `[server.NAME]`"));
    Pack {
        server,
        tests: file(&format!("policies/{name}.test.toml")),
        name,
        policy,
        tools,
    }
}

fn file(path: &str) -> String {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}
