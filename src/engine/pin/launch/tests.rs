use super::*;

fn told(command: &str) -> String {
    let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
    Package::of_command(&words).map_or("-".to_owned(), |package| package.to_string())
}

#[test]
fn packages_are_told_from_command_lines() {
    let cases = [
        (
            "npx -y @scope/server@2025.4.8 /data",
            "npm @scope/server 2025.4.8",
        ),
        ("/usr/bin/npx server@1.2.3-rc.1", "npm server 1.2.3-rc.1"),
        (
            "npx -y @scope/server",
            "npm @scope/server (no exact version)",
        ),
        ("npx server@latest", "npm server (no exact version)"),
        ("npx server@^1.2.0", "npm server (no exact version)"),
        ("npx server@1.x", "npm server (no exact version)"),
        ("npx server@1", "npm server (no exact version)"),
        ("npx --package=server@1.2.3 -- run", "npm server 1.2.3"),
        ("npx -p server@1.2.3 run", "npm server 1.2.3"),
        ("npx -w place server@1.2.3", "npm server 1.2.3"),
        ("C:\\node\\npx.cmd server@1.2.3", "npm server 1.2.3"),
        ("pnpm dlx server@1.2.3", "npm server 1.2.3"),
        ("npm exec server@1.2.3", "npm server 1.2.3"),
        ("bunx server@1.2.3", "npm server 1.2.3"),
        (
            "uvx mcp-server-git@2026.10.19 --repository .",
            "pypi mcp-server-git 2026.10.19",
        ),
        (
            "uvx --from mcp-server-git==2026.10.19 run",
            "pypi mcp-server-git 2026.10.19",
        ),
        (
            "uvx --python 3.12 mcp-server-git",
            "pypi mcp-server-git (no exact version)",
        ),
        ("uvx mcp[cli]==1.2.3", "pypi mcp 1.2.3"),
        ("uvx mcp>=1.2", "pypi mcp (no exact version)"),
        ("uv tool run mcp==1.2.3", "pypi mcp 1.2.3"),
        ("uv run server.py", "-"),
        ("pipx run mcp==1.2.3", "pypi mcp 1.2.3"),
        ("node server.js", "-"),
        ("npx", "-"),
        ("", "-"),
    ];
    for (command, expected) in cases {
        assert_eq!(told(command), expected, "{command}");
    }
}
