use super::*;
use proptest::prelude::*;

fn vars(pairs: &[(&str, &str)]) -> BTreeMap<OsString, OsString> {
    pairs
        .iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

fn literal(value: &str) -> EnvValue {
    EnvValue::Literal(value.to_owned())
}

fn from(name: &str) -> EnvValue {
    EnvValue::From(name.to_owned())
}

fn policy(pairs: &[(&str, EnvValue)]) -> BTreeMap<String, EnvValue> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect()
}

/// What a server without a policy gets of these.
fn judged(name: &str, value: &str) -> Option<Withheld> {
    let env = child_env(&vars(&[(name, value)]), &BTreeMap::new()).unwrap();
    match env.vars.get(OsStr::new(name)) {
        Some(passed) => {
            assert_eq!(passed, value);
            assert!(env.withheld.is_empty());
            None
        }
        None => env.withheld.get(OsStr::new(name)).copied(),
    }
}

#[test]
fn what_real_servers_need_is_passed_on() {
    for name in [
        "HOME",
        "PATH",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "TZ",
        "TERM",
        "USER",
        "LOGNAME",
        "SHELL",
        "TMPDIR",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "NODE_EXTRA_CA_CERTS",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "UV_SYSTEM_CERTS",
        "XDG_CACHE_HOME",
        "XDG_DATA_HOME",
        "NVM_DIR",
        "PYENV_ROOT",
        "VIRTUAL_ENV",
        "npm_config_cache",
        "UV_CACHE_DIR",
    ] {
        assert_eq!(judged(name, "/some/where"), None, "{name}");
    }
    for name in [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
    ] {
        assert_eq!(judged(name, "http://user:pw@proxy:3128"), None, "{name}");
    }
}

#[test]
fn secrets_and_code_are_withheld() {
    for name in [
        // Secrets, and ways to them.
        "GITHUB_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "ANTHROPIC_API_KEY",
        "OPENAI_API_KEY",
        "NPM_TOKEN",
        "NODE_AUTH_TOKEN",
        "DATABASE_URL",
        "PGPASSWORD",
        "KUBECONFIG",
        "SSH_AUTH_SOCK",
        "GPG_AGENT_INFO",
        "DBUS_SESSION_BUS_ADDRESS",
        "XDG_RUNTIME_DIR",
        "DOCKER_HOST",
        "npm_config__auth",
        "npm_config_//registry.example.com/:_authToken",
        "UV_INDEX_ACME_PASSWORD",
        "UV_PUBLISH_TOKEN",
        "VAULT_TOKEN",
        // What makes a program load or run something.
        "NODE_OPTIONS",
        "NODE_PATH",
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "LD_AUDIT",
        "DYLD_INSERT_LIBRARIES",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "PYTHONHOME",
        "BASH_ENV",
        "ENV",
        "BASH_FUNC_ls%%",
        "PERL5LIB",
        "PERL5OPT",
        "RUBYOPT",
        "RUBYLIB",
        "JAVA_TOOL_OPTIONS",
        "GIT_SSH_COMMAND",
        "GIT_SSH",
        "GIT_CONFIG_COUNT",
        "GIT_EXEC_PATH",
        "GIT_ASKPASS",
        "GCONV_PATH",
        "IFS",
        "EDITOR",
        "PAGER",
        "npm_config_node_options",
        "npm_config_script_shell",
        "npm_config_userconfig",
        "LOCKGATE_CONFIG",
        // Near misses of the lists.
        "home",
        "Path",
        "LC",
        "XLC_ALL",
        "HOME ",
        "",
    ] {
        assert_eq!(judged(name, "x"), Some(Withheld::NotNamed), "{name}");
    }
}

#[test]
fn an_index_is_passed_on_without_a_credential() {
    let cases = [
        ("https://pypi.example.com/simple", None),
        ("https://npm.example.com/@acme/", None),
        ("acme=https://pypi.example.com/simple", None),
        ("", None),
        (
            "https://u:pw@pypi.example.com/simple",
            Some(Withheld::Credential),
        ),
        (
            "https://token@pypi.example.com/simple",
            Some(Withheld::Credential),
        ),
        ("https://u:p/w@pypi.example.com", Some(Withheld::Credential)),
        (
            "acme=https://u:pw@pypi.example.com",
            Some(Withheld::Credential),
        ),
        (
            "https://a.example.com https://u:pw@b.example.com",
            Some(Withheld::Credential),
        ),
    ];
    for name in INDEXES {
        for (value, expected) in cases {
            assert_eq!(judged(name, value), expected, "{name}={value}");
        }
    }
}

#[test]
fn the_policy_adds_renames_and_replaces() {
    let env = child_env(
        &vars(&[
            ("PATH", "/bin"),
            ("GITHUB_TOKEN", "ghp_1"),
            ("NODE_OPTIONS", "--inspect"),
            ("OTHER", "x"),
        ]),
        &policy(&[
            ("GITHUB_PERSONAL_ACCESS_TOKEN", from("GITHUB_TOKEN")),
            ("NODE_OPTIONS", from("NODE_OPTIONS")),
            ("PATH", literal("/usr/bin")),
            ("LD_PRELOAD", literal("")),
        ]),
    )
    .unwrap();
    let expected = vars(&[
        ("GITHUB_PERSONAL_ACCESS_TOKEN", "ghp_1"),
        ("LD_PRELOAD", ""),
        ("NODE_OPTIONS", "--inspect"),
        ("PATH", "/usr/bin"),
    ]);
    assert_eq!(env.vars, expected);
    let withheld: Vec<_> = env.withheld.keys().collect();
    assert_eq!(withheld, ["GITHUB_TOKEN", "OTHER"]);
}

#[test]
fn every_mistake_is_told_and_no_value() {
    let error = child_env(
        &BTreeMap::new(),
        &policy(&[
            ("A", from("NO_SUCH")),
            ("B=C", literal("s3cret")),
            ("", literal("s3cret")),
            ("D", literal("s3cret\0")),
        ]),
    )
    .unwrap_err();
    insta::assert_snapshot!(error.to_string().replace(", and ", "\n"), @r"
    expected the name of an environment variable without `=` and NUL in the policy
    variable `NO_SUCH`, which the policy gives to the server as `A`, is not set; set it where lockgate is started
    expected the name of an environment variable without `=` and NUL in the policy
    the value that the policy gives to `D` contains NUL
    ");
}

#[test]
fn debug_shows_names_only() {
    let env = child_env(
        &vars(&[("HOME", "/h"), ("TOKEN", "s3cret")]),
        &policy(&[("A", literal("s3cret"))]),
    )
    .unwrap();
    insta::assert_snapshot!(format!("{env:?}"), @r#"ChildEnv { vars: ["A", "HOME"], withheld: {"TOKEN": NotNamed} }"#);
}

proptest! {
    /// Nothing is invented, nothing is changed, nothing is lost without a word.
    #[test]
    fn every_variable_is_accounted_for(
        inherited in proptest::collection::btree_map(name(), ".{0,8}", 0..12),
        named in proptest::collection::btree_map(name(), ".{0,8}", 0..4),
    ) {
        let inherited: BTreeMap<OsString, OsString> =
            inherited.into_iter().map(|(n, v)| (n.into(), v.into())).collect();
        let named: BTreeMap<String, EnvValue> = named
            .into_iter()
            .map(|(n, v)| (n, EnvValue::Literal(v.replace('\0', ""))))
            .collect();
        let env = child_env(&inherited, &named).unwrap();
        for (name, value) in &env.vars {
            if let Some(literal) = named.get(name.to_str().unwrap()) {
                let value = value.to_str().unwrap().to_owned();
                prop_assert_eq!(literal, &EnvValue::Literal(value));
            } else {
                prop_assert_eq!(inherited.get(name), Some(value));
                prop_assert_eq!(judge(name, value), None);
            }
        }
        for name in inherited.keys() {
            prop_assert!(env.vars.contains_key(name) != env.withheld.contains_key(name));
        }
        for name in named.keys() {
            prop_assert!(env.vars.contains_key(OsStr::new(name)));
        }
    }
}

/// Names from the lists and others.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(INHERITED).prop_map(str::to_owned),
        proptest::sample::select(INDEXES).prop_map(str::to_owned),
        "[A-Z_]{1,6}",
        "LC_[A-Z]{1,3}",
    ]
}
