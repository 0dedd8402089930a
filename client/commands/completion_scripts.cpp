#include "client/commands/completion_scripts.h"

#include <algorithm>
#include <array>
#include <utility>

#include "schema/error.h"

namespace client {

namespace {

constexpr std::string_view bash_script = R"(# bash completion for lxc. Printed by "lxc completion bash".
_lxc() {
    local words reply line word directive=":done" prefix=""
    COMPREPLY=()
    # The line itself: bash's own words are cut at colons and equal signs, which names have in them.
    read -ra words <<< "${COMP_LINE:0:COMP_POINT}"
    [[ "${COMP_LINE:0:COMP_POINT}" == *[[:space:]] ]] && words+=("")
    word="${words[-1]}"
    mapfile -t reply < <("${words[0]}" __complete "${words[@]:1}" 2> /dev/null)
    # bash replaces only what follows the last of its dividing characters.
    [[ "$word" == *[:=]* ]] && prefix="${word%"${word##*[:=]}"}"
    for line in "${reply[@]}"; do
        if [[ "$line" == :* ]]; then
            directive="$line"
        else
            line="${line%%$'\t'*}"
            COMPREPLY+=("${line#"$prefix"}")
        fi
    done
    case "$directive" in
        :nospace) compopt -o nospace ;;
        :files) compopt -o default ;;
    esac
}
complete -F _lxc lxc
)";

constexpr std::string_view zsh_script = R"(#compdef lxc
# zsh completion for lxc. Printed by "lxc completion zsh".
_lxc() {
    local -a reply names shown
    local line directive=":done"
    reply=("${(@f)$(${words[1]} __complete "${(@Q)words[2,CURRENT]}" 2> /dev/null)}")
    for line in $reply; do
        if [[ $line == :* ]]; then
            directive=$line
        else
            names+=("${line%%$'\t'*}")
            shown+=("${line/$'\t'/  -- }")
        fi
    done
    case $directive in
        :files) _files ;;
        :nospace) compadd -S '' -l -d shown -a names ;;
        *) compadd -l -d shown -a names ;;
    esac
}
if [[ $funcstack[1] == _lxc ]]; then
    _lxc "$@"
else
    compdef _lxc lxc
fi
)";

constexpr std::string_view fish_script = R"(# fish completion for lxc. Printed by "lxc completion fish".
function __lxc_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l reply ($words[1] __complete $words[2..-1] 2> /dev/null)
    if test "$reply[-1]" = ":files"
        __fish_complete_path (commandline -ct)
    else
        string match -v ':*' -- $reply
    end
end
complete -c lxc -f -a '(__lxc_complete)'
)";

constexpr std::array<std::pair<std::string_view, std::string_view>, 3> scripts{
    {{"bash", bash_script}, {"fish", fish_script}, {"zsh", zsh_script}}};

} // namespace

std::string_view completion_script(std::string_view shell) {
    const auto row =
        std::find_if(scripts.begin(), scripts.end(), [&](const auto& entry) { return entry.first == shell; });
    if (row == scripts.end()) {
        throw schema::bad_request("Unknown shell \"{}\" (not one of bash, fish, zsh)", shell);
    }
    return row->second;
}

} // namespace client
