//! The catalogue's data, part two: what belongs to a person (browsers,
//! wallets, keychains, messengers, AI tools) and what starts MCP servers.

use super::{Kind, Place};

const fn place(
    kind: Kind,
    id: &'static str,
    what: &'static str,
    source: &'static str,
    patterns: &'static str,
    except: &'static [&'static str],
) -> Place {
    Place {
        id,
        what,
        source,
        kind,
        patterns,
        except,
    }
}

/// Browsers, wallets, keychains, messengers, AI tools, MCP clients, lockgate.
pub(super) const PLACES: &[Place] = &[
    place(
        Kind::Secret,
        "browser-chromium",
        "Chromium profiles: cookies, logins, sessions",
        "Chromium user data directory documentation",
        "
            chromium/**/cookies, chromium/**/login data*, vivaldi/**/cookies,
            vivaldi/**/login data, com.operasoftware.opera/**, snap/chromium/common/**,
            login data, login data for account, cookies-journal, web data, local state,
            cookies.sqlite, network/cookies, @/google-chrome/**, @/google-chrome-beta/**,
            @/google-chrome-unstable/**, @/google/chrome/**, @/google/chrome beta/**,
            @/google/chrome canary/**, @/chromium/**, @/bravesoftware/**, @/microsoft-edge/**,
            @/microsoft edge/**, @/microsoft/edge/**, @/vivaldi/**, @/opera/**,
            @/opera software/**, @/arc/**, @/yandex/yandexbrowser/**
        ",
        &["web data.md"],
    ),
    place(
        Kind::Secret,
        "browser-firefox",
        "Firefox profiles: cookies, logins, keys",
        "Mozilla support, profiles",
        "
            .mozilla/firefox/**, mozilla/firefox/**, firefox/profiles/**, logins.json,
            logins-backup.json, key4.db, key3.db, signons.sqlite, cert9.db, formhistory.sqlite,
            places.sqlite, .librewolf/**, .waterfox/**, .thunderbird/**,
            thunderbird/profiles/**, snap/firefox/common/**, .zen/**, .tor-browser/**,
            .floorp/**
        ",
        &["fixtures/**, testdata/**, test/**, tests/**"],
    ),
    place(
        Kind::Secret,
        "browser-safari",
        "Safari cookies and history",
        "Apple platform security guide",
        "
            cookies.binarycookies, library/safari/**, library/cookies/**,
            containers/com.apple.safari/**, library/httpstorages/**
        ",
        &[],
    ),
    place(
        Kind::Secret,
        "wallet",
        "cryptocurrency wallets",
        "the wallets' own data directory documentation",
        "
            wallet.dat, .bitcoin/**, bitcoin/wallets/**, .litecoin/**, .dogecoin/**,
            .dashcore/**, .zcash/**, .electrum/**, electrum/wallets/**, .electron-cash/**,
            .ethereum/**, ethereum/keystore/**, geth/keystore/**, keystore/utc--*, utc--*,
            .foundry/keystores/**, .brownie/accounts/**, exodus.wallet/**,
            atomic/local storage/**, .config/atomic/**, .config/solana/**, solana/id.json,
            .sui/**, .aptos/**, .near-credentials/**, .monero/**, monero/wallets/**,
            *.wallet.keys, .bitmonero/**, @trezor/suite-desktop/**, .walletwasabi/**,
            walletwasabi/**, .armory/**, .daedalus/**, .lnd/**, .lightning/**, .polkadot/**,
            nkbihfbeogaeaoehlefnkodbefgpgknn/**, bfnaelmomeimhlpmgjnjophhpkkoljpa/**,
            hnfanknocfeofbddgcijnmhnfnkdnaad/**, ejbalbakoplchlghecdalmeeeajnimhm/**,
            fhbohimaelbohpjbbldcngcnapndodjp/**, tonkeeper/**, .cardano/**, .tezos-client/**,
            .gaia/**/keyring-*/**, keyring-file/**, .terra/**, default_wallet, *.bitcoinwallet,
            @/bitcoin/**, @/exodus/**, @/electrum/**, @/ledger live/**, @/trezor suite/**,
            @/multibit/**, @/coinomi/**, @/jaxx/**, @/com.liberty.jaxx/**, @/daedalus/**,
            @/guarda/**, @/zcash/**, @/sparrow/**, .sparrow/**
        ",
        &["fixtures/**, testdata/**"],
    ),
    place(
        Kind::Secret,
        "keychain",
        "key chains of the operating system",
        "Apple keychain services, GNOME Keyring, KWallet, Windows DPAPI",
        "
            library/keychains/**, *.keychain, *.keychain-db, *.kwl, microsoft/credentials/**,
            microsoft/protect/**, microsoft/vault/**, /library/keychains/**, keyring.cfg,
            python_keyring/**, microsoft/crypto/rsa/**, microsoft/systemcertificates/**, tcc.db,
            @/keyrings/**, .gnome2/keyrings/**, @/kwalletd/**, @/keyring/**
        ",
        &[],
    ),
    place(
        Kind::Secret,
        "password-manager",
        "password stores",
        "KeePass, 1Password, Bitwarden, pass and LastPass documentation",
        "
            *.kdbx, *.kdb, *.keyx, .password-store/**, .1password/**, *.agilekeychain/**,
            *.opvault/**, *.1pif, *.1pux, com.bitwarden.desktop/**, .lastpass/**,
            .local/share/lpass/**, .lpass/**, .keeper/**, .enpass/**, *.psafe3, .authy/**,
            *.enpassdb, @/1password/**, group containers/*.com.1password/**, @/bitwarden/**,
            @/bitwarden cli/**, bitwarden/data.json, @/keepassxc/**, @/enpass/**, @/nordpass/**,
            @/proton pass/**, @/dashlane/**, @/gopass/**, @/authy desktop/**, @/lastpass/**
        ",
        &["fixtures/**, testdata/**, *.md, *.ts, *.py, *.rs, node_modules/**"],
    ),
    place(
        Kind::Secret,
        "messenger",
        "messages and session tokens",
        "Signal, Slack, Discord, Telegram, Teams desktop data directories",
        "
            com.tinyspeck.slackmacgap/**, slack/cookies, slack/storage/**,
            slack/local storage/**, discord/local storage/**, telegramdesktop/**,
            telegram desktop/tdata/**, whatsapp/**/local storage/**, library/messages/**,
            library/mail/**, .config/skypeforlinux/**, .purple/accounts.xml, .weechat/sec.conf,
            .irssi/config, .mutt/**, .muttrc, .msmtprc, .mbsyncrc, .offlineimaprc, .fetchmailrc,
            session.session, *.session-journal, zoom.us/data/**, .zoom/data/**,
            evolution/mail/**, @/signal/**, @/slack/**, @/discord*/**, @/element/**,
            @/whatsapp/**, @/microsoft/teams/**, @/microsoft teams/**, @/microsoft/microsoft teams/**, @/telegram desktop/**,
            tdata/key_datas
        ",
        &["node_modules/**, fixtures/**, testdata/**"],
    ),
    place(
        Kind::Secret,
        "remote-access",
        "logins of remote-access and file-transfer tools",
        "the tools' own documentation",
        "
            filezilla/sitemanager.xml, filezilla/recentservers.xml, winscp.ini, .remmina/**,
            .vnc/passwd, .vnc/**, *.rdp, .xauthority, .iceauthority, .rhosts, .shosts,
            .config/cyberduck/**, cyberduck/bookmarks/**, .x2goclient/**, .putty/**,
            dbeaverdata/**/credentials-config.json, @/remmina/**, @/filezilla/**
        ",
        &["fixtures/**"],
    ),
    place(
        Kind::Secret,
        "ai-token",
        "tokens and transcripts of AI tools",
        "the tools' own documentation",
        "
            .claude/.credentials.json, .claude/projects/**, .claude/history.jsonl,
            .codex/auth.json, .codex/sessions/**, .codex/history.jsonl,
            .gemini/oauth_creds.json, .gemini/google_accounts.json, .gemini/.env,
            .gemini/mcp-oauth-tokens*.json, .cursor/auth.json, cursor/user/globalstorage/**,
            code/user/globalstorage/state.vscdb*, state.vscdb, state.vscdb.backup,
            github-copilot/auth.db, .copilot/config.json, .copilot/session-state/**,
            .aider.conf.yml, .aider/**/*key*, .aider.chat.history.md, .aider.input.history,
            .continue/sessions/**, .continue/.env, opencode/auth.json, opencode/mcp-auth.json,
            .codeium/config.json, .windsurf/auth.json, .config/openai/**, .openai/**,
            .openai_api_key, .anthropic/**, .config/anthropic/**, .huggingface/token,
            huggingface/token, huggingface/stored_tokens, .cache/huggingface/token,
            .ollama/id_ed25519, .config/goose/secrets.yaml, goose/secrets.yaml, .mcp-auth/**,
            .kaggle/kaggle.json, kaggle.json, .wandb/**, .replicate/**,
            .config/io.datasette.llm/keys.json, io.datasette.llm/keys.json, .litellm/**,
            .qwen/oauth_creds.json, .amp/secrets.json, amp/secrets.json, .aws/amazonq/**,
            .aws/sso/cache/**, amazon-q/data.sqlite3, .cline/data/secrets.json,
            .factory/auth.json, .config/fabric/.env, .sourcegraph/**, .tabnine/**,
            .augment/session.json, .kiro/auth/**, @/claude/config.json,
            @/claude/local storage/**, @/claude/cookies, @/claude/indexeddb/**,
            @/github-copilot/**
        ",
        &["fixtures/**, testdata/**"],
    ),
    place(
        Kind::Guarded,
        "mcp-client",
        "what decides which MCP servers a client starts",
        "the clients' own MCP documentation; CVE-2025-54135, CVE-2025-54136",
        "
            claude_desktop_config.json, .claude.json, .claude.json.backup*, .mcp.json,
            .cursor/mcp.json, .vscode/mcp.json, code/user/mcp.json,
            code - insiders/user/mcp.json, vscodium/user/mcp.json,
            code/user/profiles/*/mcp.json, cursor/user/mcp.json,
            .vscode-server/data/user/mcp.json, .copilot/mcp-config.json, mcp-config.json,
            .github/mcp.json, .codex/config.toml, .gemini/settings.json,
            .gemini/config/mcp_config.json, .gemini/antigravity/mcp_config.json,
            mcp_config.json, .codeium/**/mcp_config.json, .zed/settings.json,
            .config/zed/settings.json, application support/zed/settings.json,
            appdata/roaming/zed/settings.json, .ai/mcp/**, .junie/mcp/**, .air/mcp.json,
            github-copilot/intellij/mcp.json, cline_mcp_settings.json,
            saoudrizwan.claude-dev/settings/**, rooveterinaryinc.roo-cline/settings/**,
            mcp_settings.json, .roo/mcp.json, .continue/config.yaml, .continue/config.json,
            .continue/mcpservers/**, .config/goose/config.yaml, goose/config/config.yaml,
            .config/opencode/**, opencode.json, opencode.jsonc, .opencode/opencode.json,
            .opencode/opencode.jsonc, .kiro/settings/**, .aws/amazonq/mcp.json,
            .amazonq/mcp.json, managed-mcp.json, managed-settings.json, mcp_settings.jsonc,
            .cursor/mcp.jsonc, .qwen/settings.json, .windsurf/mcp.json, .trae/mcp.json,
            .lmstudio/mcp.json, mcp-servers.json, .claude/claude_desktop_config.json
        ",
        &["fixtures/**, testdata/**, node_modules/**"],
    ),
    place(
        Kind::GuardedWrites,
        "client-hooks",
        "client settings that can run programs or approve tools by themselves",
        "Claude Code hooks; VS Code chat.tools.autoApprove, CVE-2025-53773",
        "
            .claude/settings.json, .claude/settings.local.json, .vscode/settings.json,
            .vscode/tasks.json, code/user/settings.json, code - insiders/user/settings.json,
            vscodium/user/settings.json, cursor/user/settings.json, .cursor/rules/**,
            .cursor/hooks.json, .claude/hooks/**, .git/hooks/**, .git/config
        ",
        &[],
    ),
    place(
        Kind::Guarded,
        "lockgate",
        "lockgate's policy, lockfile, keys and records",
        "lockgate documentation",
        "
            lockgate.toml, lockgate.lock, .config/lockgate/**, .local/share/lockgate/**,
            .local/state/lockgate/**, application support/lockgate/**,
            appdata/roaming/lockgate/**, appdata/local/lockgate/**, /etc/lockgate/**
        ",
        &["fixtures/**"],
    ),
];
