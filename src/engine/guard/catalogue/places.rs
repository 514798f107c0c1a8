//! The catalogue's data, part one: keys, clouds, packages and system files.
//!
//! One row per kind of place. `source` names the vendor's own document of the
//! location, so that a reader can check it. Pattern language: see `Place`.

use super::{Kind, Place};

/// Names under which keys and settings are published on purpose.
const FIXTURES: &str = "
    fixtures/**, fixture/**, __fixtures__/**, testdata/**, test-data/**, test_data/**,
    node_modules/**, site-packages/**, dist-packages/**, examples/**, example/**, samples/**
";
/// Where key files by extension are ordinary: also tests and trust stores.
const PUBLIC_KEYS: &str = "
    fixtures/**, fixture/**, __fixtures__/**, testdata/**, test-data/**, test_data/**,
    node_modules/**, site-packages/**, dist-packages/**, examples/**, example/**, samples/**,
    test/**, tests/**, __tests__/**, spec/**, docs/**, vendor/**, ssl/certs/**,
    pki/tls/certs/**, ca-certificates/**, cacert*.pem, ca.pem, ca-*.pem, ca_*.pem, rootca*.pem,
    cert.pem, cert-*.pem, certificate*.pem, chain*.pem, fullchain*.pem, *bundle*.pem, *.crt.pem,
    *-cert.pem, *_cert.pem, *.cert.pem, *pub.pem, *public*.pem, dhparam*.pem, *public*.key,
    *pub.key, slides*.key, *presentation*.key, *keynote*.key, *talk*.key, *deck*.key
";
/// Source code and prose about a place are not the place.
const CODE: &str = "
    *.pub, *.md, *.mdx, *.rst, *.ts, *.tsx, *.js, *.jsx, *.mjs, *.py, *.rs, *.go, *.java, *.kt,
    *.rb, *.c, *.h, *.cpp, *.cs, *.swift, *.html, *.css, *.svg, *.vue, *.svelte
";
/// Settings whose content is documentation.
const ENV_EXAMPLES: &str = "
    *.example, *.example.*, *.sample, *.sample.*, *.template, *.template.*, *.tmpl, *.tpl,
    *.dist, *.defaults, *.default, *.schema, .env.test, .env.ci, .env.vault, example.env,
    sample.env, template.env, test.env, process.env, *.process.env, meta.env, *.meta.env,
    env.d.ts, *.md, *.ts, *.js, *.py, *.rs, *.go, fixtures/**, fixture/**, __fixtures__/**,
    testdata/**, test-data/**, test_data/**, node_modules/**, site-packages/**, *-example,
    .secrets.baseline,
    *_example, *-sample, *_sample, *-template, *_template
";
/// Generic names that translation and template trees use as well.
const GENERIC: &str = "
    fixtures/**, fixture/**, __fixtures__/**, testdata/**, test-data/**, test_data/**,
    node_modules/**, site-packages/**, dist-packages/**, examples/**, example/**, samples/**,
    test/**, tests/**, __tests__/**, docs/**, i18n/**, locales/**, locale/**, lang/**,
    translations/**, templates/**, schemas/**, schema/**, *example*, *sample*, *template*,
    *schema*
";

const fn secret(
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
        kind: Kind::Secret,
        patterns,
        except,
    }
}

const fn generic(
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
        kind: Kind::Generic,
        patterns,
        except,
    }
}

/// Keys, clouds, packages, system.
pub(super) const PLACES: &[Place] = &[
    secret(
        "ssh",
        "SSH keys and settings",
        "OpenSSH ssh(1) FILES, sshd(8) FILES",
        "
            .ssh/**, ssh_host_*_key, /etc/ssh/ssh_host_*, /etc/dropbear/**, .dropbear/**
        ",
        &[".ssh/*.pub, .ssh/known_hosts, .ssh/known_hosts.*, *.pub"],
    ),
    secret(
        "ssh-key",
        "SSH private keys by name",
        "OpenSSH ssh-keygen(1) FILES",
        "
            id_rsa*, id_dsa*, id_ecdsa*, id_ed25519*, id_xmss*, *_id_rsa, *_id_ed25519,
            identity.ppk
        ",
        &[CODE, FIXTURES],
    ),
    secret(
        "ssh-agent",
        "agent sockets",
        "OpenSSH ssh-agent(1), GnuPG gpg-agent(1)",
        "
            ssh-*/agent.*, s.gpg-agent*, /run/user/*/keyring/**, /run/user/*/gnupg/**,
            .1password/agent.sock, gcr/ssh
        ",
        &[],
    ),
    secret(
        "gpg",
        "GnuPG key rings",
        "GnuPG manual, gpg-agent configuration",
        "
            .gnupg/**, gnupg/**/secring.gpg, secring.gpg, private-keys-v1.d/**, pubring.kbx,
            trustdb.gpg, appdata/roaming/gnupg/**
        ",
        &[".gnupg/pubring.gpg"],
    ),
    generic(
        "private-key",
        "private keys by extension",
        "RFC 7468, RFC 7292, Java keytool, PuTTY",
        "
            *.pem, *.key, *.p12, *.pfx, *.p8, *.jks, *.keystore, *.ppk, *.agekey, *.pvk,
            *.pkcs12, *.bcfks, privkey*, *private*.asc, *secret*.asc, keys.txt.age,
            age/keys.txt, age-key.txt
        ",
        &[PUBLIC_KEYS],
    ),
    secret(
        "tls-private",
        "TLS private keys of the system",
        "Debian ssl-cert, certbot documentation",
        "
            /etc/ssl/private/**, /etc/letsencrypt/**, /etc/pki/tls/private/**
        ",
        &[],
    ),
    secret(
        "vpn",
        "VPN profiles with keys",
        "OpenVPN and WireGuard manuals",
        "
            *.ovpn, /etc/wireguard/**, /etc/openvpn/**, wg0.conf, /etc/ipsec.secrets,
            /etc/networkmanager/system-connections/**
        ",
        &[FIXTURES],
    ),
    secret(
        "aws",
        "AWS credentials and sessions",
        "AWS CLI user guide, configuration and credential files",
        "
            .aws/**, .boto, .s3cfg, .passwd-s3fs, .s5cmd, aws-vault/keys/**, .awsvault/**,
            .elasticbeanstalk/**, rootkey.csv, *accesskeys.csv
        ",
        &[FIXTURES],
    ),
    secret(
        "gcp",
        "Google Cloud credentials",
        "gcloud topic configurations, Application Default Credentials",
        "
            gcloud/**/credentials.db, gcloud/**/access_tokens.db,
            gcloud/**/application_default_credentials.json, gcloud/legacy_credentials/**,
            application_default_credentials.json, .config/gcloud/**, .config/gcloud,
            appdata/roaming/gcloud/**, .gsutil/**, .gcloud/**
        ",
        &[],
    ),
    generic(
        "gcp-service-account",
        "Google service account keys",
        "Google Cloud IAM, service account keys",
        "
            *service-account*.json, *service_account*.json, *serviceaccount*.json,
            gcp-key*.json, gcp_key*.json, firebase-adminsdk*.json, *-firebase-adminsdk-*.json,
            client_secret*.json, gha-creds-*.json
        ",
        &[GENERIC],
    ),
    secret(
        "azure",
        "Azure tokens",
        "Azure CLI documentation, MSAL token cache",
        "
            .azure/**, msal_token_cache*, accesstokens.json, azureprofile.json,
            local.settings.json, .identityservice/**
        ",
        &[FIXTURES],
    ),
    secret(
        "oci",
        "Oracle Cloud keys",
        "OCI SDK and CLI configuration file",
        "
            .oci/**
        ",
        &[],
    ),
    secret(
        "cloud-cli",
        "tokens of cloud command lines",
        "the vendors' command line documentation",
        "
            doctl/config.yaml, .fly/config.yml, .config/flyctl/**, .vercel/auth.json,
            com.vercel.cli/auth.json, .netlify/config.json, netlify/config.json,
            .config/hcloud/**, linode-cli, .bluemix/**, .config/scw/config.yaml,
            .config/exoscale/**, .config/configstore/firebase-tools.json,
            configstore/firebase-tools.json, .wrangler/config/default.toml, .cloudflared/**,
            .config/stripe/config.toml, .supabase/access-token, supabase/access-token,
            .railway/config.json, .render/cli.yaml, .aliyun/config.json, .tccli/**,
            .ibmcloud/**, .config/rclone/rclone.conf, rclone.conf, .rclone.conf,
            .config/ngrok/ngrok.yml, ngrok.yml, .ngrok2/**, .pulumi/credentials.json,
            .snowflake/**, .snowsql/config, .databrickscfg, .dbt/profiles.yml, .sentryclirc,
            .twilio-cli/config.json, .expo/state.json, .doppler/.doppler.yaml, .infisical/**,
            .config/op/**, .tailscale/**, /var/lib/tailscale/**, .circleci/cli.yml,
            .travis/config.yml, .config/argocd/config, .argocd/config, .jira.d/credentials,
            .config/.jira/**, .config/rsconnect/**, openstack/clouds.yaml,
            openstack/clouds.yml, openstack/secure.yaml, openstack/secure.yml, clouds.yaml
        ",
        &[FIXTURES],
    ),
    secret(
        "kube",
        "Kubernetes credentials",
        "kubernetes.io, organizing cluster access; projected volumes",
        "
            .kube/**, kubeconfig, *.kubeconfig, kubeconfig.yaml, kubeconfig.yml,
            /var/run/secrets/**, /run/secrets/**, /etc/kubernetes/**, /etc/rancher/**/k3s.yaml,
            k3s.yaml, .minikube/**/client.key, .talos/config, talosconfig, kubeadm.conf,
            /var/lib/kubelet/**, /var/lib/etcd/**
        ",
        &[FIXTURES],
    ),
    secret(
        "docker",
        "Docker registry logins and the daemon socket",
        "docker login, daemon socket option",
        "
            .docker/config.json, .docker/contexts/**, .dockercfg, .dockerconfigjson,
            docker.sock, containers/auth.json, podman.sock, containerd.sock, .docker/ca-key.pem,
            .docker/key.pem
        ",
        &[FIXTURES],
    ),
    secret(
        "packages",
        "package registry tokens",
        "npm, PyPI, Cargo, RubyGems, NuGet, Maven, Gradle, Composer, Hex documentation",
        "
            .npmrc, .yarnrc, .yarnrc.yml, .pypirc, .cargo/credentials, .cargo/credentials.toml,
            cargo/credentials.toml, .gem/credentials, .local/share/gem/credentials,
            .bundle/config, nuget/nuget.config, .nuget/nuget.config, .m2/settings.xml,
            .m2/settings-security.xml, .gradle/gradle.properties, .composer/auth.json,
            composer/auth.json, pypoetry/auth.toml, uv/credentials/**, .config/pip/pip.conf,
            .pip/pip.conf, .hex/hex.config, .config/hex/**, .bunfig.toml, .condarc, .hatch/**,
            .conan/**/credentials, .conan2/credentials.json, .jfrog/**,
            .pub-cache/credentials.json, dart/pub-credentials.json, .cabal/config,
            .ivy2/.credentials, .sbt/**/credentials, .anaconda/**
        ",
        &["fixtures/**, node_modules/**, testdata/**, site-packages/**, templates/**"],
    ),
    secret(
        "netrc",
        "logins for network tools",
        "GNU inetutils netrc, curl --netrc",
        "
            .netrc, _netrc, .netrc.gpg, .authinfo, .authinfo.gpg, .curlrc, .wgetrc,
            .config/curlrc
        ",
        &[FIXTURES],
    ),
    secret(
        "git",
        "git credentials and forge tokens",
        "git-credential-store(1), gh, glab and hub manuals",
        "
            .git-credentials, git/credentials, gh/hosts.yml, glab-cli/config.yml,
            .config/glab-cli/**, .config/hub, tea/config.yml, .gitcookies,
            .git-credential-cache/**, github-copilot/hosts.json, github-copilot/apps.json,
            github-copilot/oauth.json, .config/gitsome/**, github cli/hosts.yml
        ",
        &[FIXTURES],
    ),
    secret(
        "terraform",
        "Terraform state and tokens",
        "Terraform CLI configuration; state contains secrets",
        "
            .terraform.d/credentials.tfrc.json, credentials.tfrc.json, .terraformrc,
            terraform.rc, *.tfstate, *.tfstate.backup, *.tfstate.*.backup, terraform.tfvars,
            terraform.tfvars.json, *secret*.tfvars, *secret*.auto.tfvars
        ",
        &[FIXTURES],
    ),
    secret(
        "vault",
        "Vault and Consul tokens",
        "HashiCorp Vault token helper",
        "
            .vault-token, .vault-tokens, .consul-token, .nomad-token, vault-keys.json,
            /etc/vault.d/**
        ",
        &[FIXTURES],
    ),
    secret(
        "ansible",
        "Ansible vault passwords",
        "Ansible vault documentation",
        "
            .vault_pass, .vault_pass.*, vault_pass.txt, .vault-pass, .vault_password,
            .ansible_vault*, vault-password*, .ansible/galaxy_token, .ansible-vault-pass
        ",
        &[FIXTURES],
    ),
    secret(
        "sops",
        "SOPS and age keys",
        "SOPS documentation",
        "
            sops/age/**, .sops/**
        ",
        &[],
    ),
    secret(
        "database-login",
        "database logins and histories",
        "PostgreSQL, MySQL, MongoDB and Redis manuals",
        "
            .pgpass, pgpass.conf, .my.cnf, .mylogin.cnf, .mysql_history, .psql_history,
            .dbshell, .mongorc.js, .rediscli_history, .sqlite_history, .pg_service.conf,
            .mongodb/**/*history*, .cassandra/credentials, .cqlshrc, dbeaver-data-sources.xml,
            credentials-config.json, c3p0.local.xml
        ",
        &[FIXTURES],
    ),
    secret(
        "shell-history",
        "what was typed, passwords included",
        "bash, zsh, fish, PowerShell, Python manuals",
        "
            .bash_history, .zsh_history, .zhistory, .histfile, .history, .sh_history,
            .ksh_history, .ash_history, fish_history, .python_history, .node_repl_history,
            .irb_history, .pry_history, .lesshst, .viminfo, consolehost_history.txt,
            .zsh_sessions/**, .bash_sessions/**, .local/share/atuin/**, .wget-hsts,
            .octave_hist, .rhistory, .php_history, .scala_history, .jupyter/**/*.sqlite,
            ipython/**/history.sqlite
        ",
        &[FIXTURES],
    ),
    secret(
        "env",
        "settings with secrets of an application",
        "The Twelve-Factor App, III; dotenv documentation",
        "
            .env, .env.*, .env-*, .env_*, .envrc, *.env, .dev.vars, .dev.vars.*, .flaskenv,
            .secrets, .secrets.*, .env~, .environment
        ",
        &[ENV_EXAMPLES],
    ),
    generic(
        "app-secret",
        "secrets of an application by name",
        "Google, Rails, Streamlit, WordPress, Symfony quick starts",
        "
            credentials.json, credentials.yml, credentials.yaml, credentials.csv, secrets.json,
            secrets.yml, secrets.yaml, secrets.toml, secrets.env, secrets.ini, token.json,
            token.pickle, master.key, wp-config.php, .htpasswd, passwords.txt, password.txt,
            passwords.csv, logins.csv, credentials.txt, secrets.txt, secret.txt, secret.key,
            secret_key, secret_token.rb, api_key.txt, apikey.txt, api_keys.txt, private.key,
            private_key, recovery-codes.txt, recovery_codes.txt, seed.txt, mnemonic.txt,
            seed_phrase.txt, seed-phrase.txt, *backup-codes*.txt, .secrets/**, prod.secret.exs
        ",
        &[GENERIC],
    ),
    secret(
        "system",
        "system accounts and keys",
        "shadow(5), sudoers(5), Linux-PAM, krb5 and Samba manuals",
        "
            /etc/shadow*, /etc/gshadow*, /etc/master.passwd,
            /etc/spwd.db, /etc/sudoers, /etc/sudoers.d/**, /etc/security/opasswd,
            /etc/krb5.keytab, *.keytab, krb5cc_*, /var/lib/samba/private/**,
            /etc/ppp/chap-secrets, /etc/ppp/pap-secrets, /var/db/dslocal/**, /etc/cups/ssl/**,
            /var/lib/sss/**, /var/spool/cron/**, /etc/crypttab, /var/backups/shadow*,
            /etc/mysql/debian.cnf, /etc/gitlab/gitlab-secrets.json, windows/system32/config/**,
            windows/repair/sam, ntds.dit, unattend.xml, /etc/environment.d/**,
            /etc/docker/key.json, /var/lib/docker/**, /var/lib/cloud/**
        ",
        &[],
    ),
    secret(
        "proc",
        "memory, environment and files of processes",
        "proc(5)",
        "
            /proc/1*, /proc/2*, /proc/3*, /proc/4*, /proc/5*, /proc/6*, /proc/7*, /proc/8*,
            /proc/9*, /proc/*/environ, /proc/*/mem, /proc/*/maps, /proc/*/smaps, /proc/*/cmdline,
            /proc/*/fd/**, /proc/*/fdinfo/**, /proc/*/map_files/**, /proc/*/auxv,
            /proc/*/root/**, /proc/*/cwd/**, /proc/*/exe, /proc/*/stack, /proc/*/syscall,
            /proc/*/task/*/environ, /proc/*/task/*/mem, /proc/*/task/*/maps,
            /proc/*/task/*/cmdline, /proc/*/task/*/fd/**, /proc/*/task/*/root/**,
            /proc/*/task/*/cwd/**, /proc/kcore, /proc/keys, /proc/key-users, /proc/kallsyms,
            /dev/fd/**, /dev/mem, /dev/kmem, /dev/port, /proc/kmsg, /dev/kmsg
        ",
        &["/dev/fd/0, /dev/fd/1, /dev/fd/2"],
    ),
    secret(
        "raw-disk",
        "raw disks",
        "Linux allocated devices list",
        "
            /dev/sd?, /dev/sd??, /dev/nvme*, /dev/vd?, /dev/vd??, /dev/xvd*, /dev/mapper/**,
            /dev/dm-*, /dev/disk/**, /dev/disk?, /dev/rdisk*, /dev/mmcblk*
        ",
        &[],
    ),
];
