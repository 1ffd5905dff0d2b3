# SPDX-License-Identifier: Apache-2.0
# Completion of openalb for bash. It needs nothing of the package bash-completion.

_openalb_words() {
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
}

_openalb_files() {
    mapfile -t COMPREPLY < <(compgen "$1" -- "$2")
    compopt -o filenames 2>/dev/null || : # only while bash completes
}

# What may follow an option; 1: it takes nothing.
_openalb_value() {
    local option=$1 word=$2
    case $option in
    --server-config | --access-log) _openalb_files -f "$word" ;;
    --browser-profile) _openalb_files -d "$word"; [[ auto != "$word"* ]] || COMPREPLY+=(auto) ;;
    --state) _openalb_files -d "$word" ;;
    --bucket-policy | --ca | --client-cert | --key | --cookie | --preload-list | --curl-hsts | --curl-file | --wget-file | --html | --save | --policy | --fix | \
        --replay | --hosts-file | --resolv-conf | -f | -o) _openalb_files -f "$word" ;;
    --as) _openalb_words "chromium firefox curl openssl" "$word" ;;
    --proxy) _openalb_words "none" "$word" ;;
    --lang) _openalb_words "en ja" "$word" ;;
    --color) _openalb_words "auto always never" "$word" ;;
    --kind) _openalb_words "access connection health-check" "$word" ;;
    --mode) _openalb_words "table json csv" "$word" ;;
    --made-by) _openalb_words "lb target" "$word" ;;
    --browser-state) _openalb_words "on off" "$word" ;;
    --expect) _openalb_words "ok" "$word" ;;
    --check) _openalb_words "client dns tcp tls certificate http redirect target log" "$word" ;;
    --log) _openalb_words "access connection health-check" "$word" ;;
    --form) _openalb_words "json cloudformation terraform" "$word" ;;
    --log-level) _openalb_words "error warn info debug" "$word" ;;
    --lb | --target | --resolve | --dns | --from | -H | --timeout | --deadline | --max-connections | --browser-error | \
        --explain | --authority-port | --parameter | --workers | --account | --region | --domain | --addresses | --user | \
        --log-interval | --bucket | --prefix | --org | --demo-target | --ready-fd | --listen | --name | --slow | --since | --until | --status | --host | --path | \
        --client | --target-group | --load-balancer | --trace | --error-reason | --classification | --min-duration | --limit | \
        --lines | --by | --compare | --top | --threads) COMPREPLY=() ;;
    *) return 1 ;;
    esac
}

_openalb() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        _openalb_words "serve reload check snapshot ca doctor explain hsts logs policy demo-target version --help --version" "$word"
        return
    fi
    _openalb_value "$before" "$word" && return
    case $command in
    doctor)
        _openalb_words "--lb --target --server-config --access-log --bucket-policy --log-bucket --log-prefix \
            --account --region -4 -6 --resolve --dns --from --proxy --as --ca --client-cert --key -H \
            --cookie --timeout --deadline --max-connections --all --fast --check --strict --browser-error --browser-state \
            --browser-profile --preload-list --curl-hsts --json --quiet --verbose --show-commands --html --lang --color \
            --explain --watch --expect --save --save-secrets --replay --authority-port --hosts-file --resolv-conf --help" "$word"
        ;;
    explain) _openalb_words "--list --json --color --lang --help" "$word" ;;
    hsts)
        if ((COMP_CWORD == 2)); then
            _openalb_words "show explain remove --help" "$word"
        else
            _openalb_words "--browser-profile --curl-file --wget-file --preload-list --dry-run --json --color --lang --help" "$word"
        fi
        ;;
    policy)
        if ((COMP_CWORD == 2)); then
            _openalb_words "check make --help" "$word"
        else
            _openalb_words "--policy --bucket --prefix --account --region --log --org --fix --form --json --color --lang --help" "$word"
        fi
        ;;
    logs)
        if ((COMP_CWORD == 2)); then
            _openalb_words "show tail json csv stats report sql ddl why --help" "$word"
        elif [[ $word == -* ]]; then
            _openalb_words "--since --until --status --host --path --client --target --target-group --load-balancer --trace \
                --error-reason --classification --min-duration --made-by --kind --damaged --limit --lines --by --compare --top \
                --all --mode --bucket --account --region --from --state --threads --json --quiet --color --lang --help" "$word"
        elif [[ $before == ddl ]]; then
            _openalb_words "athena trino duckdb clickhouse" "$word"
        else
            _openalb_files -f "$word"
        fi
        ;;
    serve)
        _openalb_words "-f --parameter --state --workers --account --region --domain --addresses --user --log-interval \
            --log-level --demo-target --ready-fd --json --help" "$word"
        ;;
    reload) _openalb_words "--state --help" "$word" ;;
    check)
        if [[ $word == -* ]]; then
            _openalb_words "--parameter --account --region --domain --json --help" "$word"
        else
            _openalb_files -f "$word"
        fi
        ;;
    snapshot) _openalb_words "--failures --health --state --json --help" "$word" ;;
    ca) if ((COMP_CWORD == 2)); then _openalb_words "export show --help" "$word"; else _openalb_words "--state -o" "$word"; fi ;;
    demo-target) _openalb_words "--listen --name --slow --help" "$word" ;;
    esac
}

complete -F _openalb openalb
