//! What a statement opens, in small.

use super::{How, Reach, files, is_statement, reaches};

#[test]
fn literals_are_files_by_position() {
    for (text, file) in [
        ("BEGIN; COPY t FROM '/etc/shadow'; COMMIT", "/etc/shadow"),
        (
            "-- it's\n/* 'x' */ (SELECT load_file(0x2f6574632f736861646f77))",
            "/etc/shadow",
        ),
        ("SELECT load_file(CHAR(47,101,116,99))", "/etc"),
        ("SELECT f('/etc/' || 'shadow')", "/etc/shadow"),
        (
            "SELECT utl_file.fopen('/etc','shadow','r') FROM dual",
            "/etc/shadow",
        ),
        (r"SELECT pg_read_file(E'/etc/\x73ha\144ow')", "/etc/shadow"),
        (r"SELECT pg_read_file(U&'/etc/sh\0061dow')", "/etc/shadow"),
        ("SELECT pg_read_file($a$/etc/shadow$a$)", "/etc/shadow"),
        ("SELECT * FROM csv.`/etc/shadow`", "/etc/shadow"),
        (r"SELECT 'it\'s', load_file('/etc/shadow')", "/etc/shadow"),
        ("SELECT /*!50000 load_file('/etc/shadow')*/", "/etc/shadow"),
        (
            "WITH p AS (SELECT '/etc/shadow' x) SELECT pg_read_file(x) FROM p",
            "/etc/shadow",
        ),
        (".read /etc/shadow", "/etc/shadow"),
    ] {
        let found = files(text);
        assert!(found.iter().any(|f| f == file), "{text}: {found:?}");
    }
}

#[test]
fn what_is_compared_stored_or_shown_is_no_file() {
    for text in [
        "SELECT * FROM secrets WHERE name = '.env' AND path IN ('.env', 'id_rsa')",
        "INSERT INTO notes(body) VALUES ('see /etc/shadow')",
        "SELECT replace(path, '/etc/shadow', '') FROM t",
        "SELECT json_extract(a, '$.env') FROM t",
        "CREATE TABLE t (path text DEFAULT '.env')",
        "SELECT trim(leading '/' FROM '/etc/shadow')",
        "SELECT a IS DISTINCT FROM '.env'",
        "SELECT \"public\".\"env\" FROM \"public\".\"t\"",
        "UPDATE t SET x = '.env' -- from '/etc/shadow'",
    ] {
        assert_eq!(files(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn programs_and_statements_are_told() {
    let has = |text: &str, how: How, inner: &str| {
        let reach = Reach {
            text: inner.to_owned(),
            how,
        };
        assert!(
            reaches(text).contains(&reach),
            "{text}: {:?}",
            reaches(text)
        );
    };
    has("COPY t FROM PROGRAM 'cat /x'", How::Runs, "cat /x");
    has(
        "EXEC master..xp_cmdshell 'type C:\\x'",
        How::Runs,
        "type C:\\x",
    );
    has(
        "DO $$ BEGIN PERFORM f('/x'); END $$",
        How::Statement,
        " BEGIN PERFORM f('/x'); END ",
    );
    has(
        "EXECUTE 'COPY t FROM ''/x'''",
        How::Statement,
        "COPY t FROM '/x'",
    );
}

#[test]
fn statements_are_told_from_prose() {
    for text in [
        "VALUES(f('x'))",
        "/* a */ select 1",
        "FROM '.env'",
        "do $$ x $$",
        "BEGIN; x",
    ] {
        assert!(is_statement(text), "{text}");
    }
    for text in [
        "do it now",
        "from here on",
        "begin with it",
        "values matter",
        "update the docs",
        "call me",
    ] {
        assert!(!is_statement(text), "{text}");
    }
}
