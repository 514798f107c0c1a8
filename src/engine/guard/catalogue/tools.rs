//! The catalogue's data, part three: tokens of further tools, and what runs
//! when a session starts.

use super::{Kind, Place};

const fn place(
    kind: Kind,
    id: &'static str,
    what: &'static str,
    source: &'static str,
    patterns: &'static str,
) -> Place {
    Place {
        id,
        what,
        source,
        kind,
        patterns,
        except: &["fixtures/**, testdata/**, node_modules/**"],
    }
}

/// Tools and sessions.
pub(super) const PLACES: &[Place] = &[
    place(
        Kind::Secret,
        "data-service",
        "tokens for stores, brokers and hosted databases",
        "MinIO mc, Confluent CLI, Redpanda rpk, NATS CLI, Backblaze B2, Turso, PlanetScale, Neon and Earth Engine documentation",
        "
            .mc/config.json, .mcli/config.json, .confluent/**, rpk/rpk.yaml, nats/context/**,
            .b2_account_info, b2/account_info, turso/settings.json, planetscale/access-token,
            neonctl/credentials.json, earthengine/credentials
        ",
    ),
    place(
        Kind::Secret,
        "build-cache",
        "tokens of Nix and its caches",
        "Nix manual, nix.conf access-tokens and netrc-file; Cachix and Attic documentation",
        "
            .config/nix/nix.conf, /etc/nix/netrc, cachix/cachix.dhall, attic/config.toml
        ",
    ),
    place(
        Kind::Secret,
        "helm",
        "Helm registry and repository logins",
        "Helm documentation, helm registry login and repositories.yaml",
        "
            helm/registry/config.json, helm/repositories.yaml
        ",
    ),
    place(
        Kind::Secret,
        "cluster-cli",
        "tokens of cluster managers",
        "Rancher CLI documentation",
        "
            .rancher/cli2.json, .rancher/cli.json
        ",
    ),
    place(
        Kind::Secret,
        "mount-login",
        "logins of network file systems",
        "mount.cifs(8), mount.davfs(8)",
        "
            .smbcredentials, .davfs2/secrets, /etc/davfs2/secrets, /etc/samba/credentials/**
        ",
    ),
    place(
        Kind::Secret,
        "second-factor",
        "seeds and challenges of second factors",
        "google-authenticator(1), pam_yubico",
        "
            .google_authenticator, .yubico/**
        ",
    ),
    place(
        Kind::Secret,
        "cloud-login",
        "cloud sessions of single sign-on",
        "saml2aws, gimme-aws-creds, Granted and Leapp documentation",
        "
            .saml2aws, .okta_aws_login_config, .granted/**, .leapp/**
        ",
    ),
    place(
        Kind::Secret,
        "local-ca",
        "keys of a private certificate authority",
        "step CLI documentation, STEPPATH",
        "
            .step/secrets/**
        ",
    ),
    place(
        Kind::Secret,
        "version-control",
        "cached logins of Subversion and SourceHut",
        "Subversion book, client credentials; hut(1)",
        "
            .subversion/auth/**, appdata/roaming/subversion/auth/**, .config/hut/config
        ",
    ),
    place(
        Kind::Secret,
        "publisher",
        "tokens of editors' market places and Leiningen",
        "vsce and ovsx documentation; Leiningen deploy guide",
        "
            .vsce, .ovsx, .lein/credentials.clj, .lein/credentials.clj.gpg
        ",
    ),
    place(
        Kind::Secret,
        "runtime-cookie",
        "cookies and tokens of running interpreters",
        "Erlang distribution protocol; Jupyter Server security",
        "
            .erlang.cookie, jupyter/runtime/**, .jupyter/jupyter_*_config.json
        ",
    ),
    place(
        Kind::Secret,
        "typed-history",
        "what was typed, in further programs",
        "xonsh, Nushell, IPython and Neovim manuals",
        "
            .xonsh_history, .local/share/xonsh/**, nushell/history.txt,
            nushell/history.sqlite3, .ipython/**/history.sqlite, nvim/shada/**
        ",
    ),
    place(
        Kind::Secret,
        "backup-key",
        "keys of backups and synchronisation",
        "borg-key(1); Syncthing configuration",
        "
            .config/borg/keys/**, @/syncthing/**, .local/state/syncthing/**
        ",
    ),
    place(
        Kind::Secret,
        "api-client",
        "requests and tokens kept by API clients, terminals and broadcasters",
        "Postman, Insomnia, Termius and OBS Studio documentation",
        "
            @/postman/**, @/insomnia/**, @/termius/**, obs-studio/basic/profiles/*/service.json
        ",
    ),
    place(
        Kind::Secret,
        "mail-login",
        "logins of mail and calendar programs",
        "aerc-accounts(5), Himalaya, NeoMutt and vdirsyncer documentation",
        "
            aerc/accounts.conf, himalaya/config.toml, .config/neomutt/**, .neomuttrc,
            .config/mutt/**, vdirsyncer/config, .vdirsyncer/config
        ",
    ),
    place(
        Kind::Secret,
        "ai-key",
        "keys of further AI tools",
        "aichat, ShellGPT, Crush and Grok CLI documentation",
        "
            aichat/config.yaml, shell_gpt/.sgptrc, crush/crush.json, .grok/user-settings.json
        ",
    ),
    place(
        Kind::Secret,
        "wallet-key",
        "keys of further wallets",
        "Starkli, Starknet CLI, Chia, Electron Cash and Bisq documentation",
        "
            .starkli-wallets/**, .starknet_accounts/**, .chia_keys/**,
            .chia/*/config/ssl/**, @/electron cash/**, @/electroncash/**, @/bisq/**, @/bisq2/**
        ",
    ),
    place(
        Kind::GuardedWrites,
        "startup",
        "what runs with each shell, session or boot",
        "bash(1), zsh(1), fish(1), pam_env(8), XDG autostart, systemd.unit(5), launchd.plist(5), crontab(5), PowerShell profiles; the s1ngularity malware",
        "
            ~/.bashrc, ~/.bash_profile, ~/.bash_login, ~/.bash_logout, ~/.bash_aliases,
            ~/.profile, ~/.zshrc, ~/.zshenv, ~/.zprofile, ~/.zlogin, ~/.zlogout,
            ~/.zshrc.local, ~/.oh-my-zsh/custom/**, ~/.config/zsh/**, ~/.kshrc, ~/.mkshrc,
            ~/.cshrc, ~/.tcshrc, ~/.login, ~/.config/fish/config.fish,
            ~/.config/fish/conf.d/**, ~/.config/fish/functions/**, ~/.config/nushell/config.nu,
            ~/.config/nushell/env.nu, ~/.xonshrc, ~/.config/powershell/*profile.ps1,
            documents/powershell/*profile.ps1, documents/windowspowershell/*profile.ps1,
            ~/.pam_environment, ~/.xprofile, ~/.xinitrc, ~/.xsession, ~/.xsessionrc,
            ~/.config/environment.d/**, ~/.config/autostart/**, ~/.config/autostart-scripts/**,
            ~/.config/plasma-workspace/env/**, ~/.config/systemd/user/**,
            ~/.local/share/systemd/user/**, ~/.local/share/applications/**,
            ~/library/launchagents/**, /library/launchagents/**, /library/launchdaemons/**,
            windows/start menu/programs/startup/**, ~/.direnvrc, ~/.config/direnv/direnvrc,
            ~/.ssh/rc, ~/.ssh/environment, /etc/profile, /etc/profile.d/**, /etc/bash.bashrc,
            /etc/bashrc, /etc/zsh/**, /etc/zshrc, /etc/zshenv, /etc/zprofile, /etc/environment,
            /etc/fish/**, /etc/ld.so.preload, /etc/ld.so.conf.d/**, /etc/rc.local,
            /etc/init.d/**, /etc/systemd/system/**, /etc/systemd/user/**, /etc/xdg/autostart/**,
            /etc/crontab, /etc/anacrontab, /etc/cron.d/**, /etc/cron.hourly/**,
            /etc/cron.daily/**, /etc/cron.weekly/**, /etc/cron.monthly/**,
            /etc/pam.d/**, /etc/udev/rules.d/**
        ",
    ),
    place(
        Kind::GuardedWrites,
        "git-settings",
        "git settings that can name programs to run",
        "git-config(1): core.hooksPath, core.sshCommand, alias.*",
        "
            ~/.gitconfig, ~/.config/git/config, ~/.config/git/hooks/**, ~/.config/git/attributes,
            /etc/gitconfig
        ",
    ),
    place(
        Kind::GuardedWrites,
        "accounts",
        "who may log in",
        "passwd(5), group(5), hosts.equiv(5)",
        "
            /etc/passwd, /etc/passwd-, /etc/group, /etc/group-, /etc/subuid, /etc/subgid,
            /etc/hosts.equiv
        ",
    ),
];
