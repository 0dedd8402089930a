#pragma once
// What could be meant by a half-typed command line, from the tables of commands and flags alone. Names that a server
// knows are only asked for here; commands/completion.cpp fetches them. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "client/command.h"
#include "client/help.h"

namespace client {

/// What an argument names.
enum class Subject {
    nothing,
    alias,
    device,
    device_type,
    driver,
    file,
    image,
    image_alias,
    instance,
    instance_or_snapshot, // "c1" or "c1/first"
    instance_path,        // "c1/": where a path follows
    key,
    operation,
    pool,
    pool_volume, // "default/data" or "default/data/first"
    profile,
    profiles, // several, with commas between them
    remote,
    setting, // "key=", where a value follows
    shell,
    snapshot, // of what is named before
    template_file,
    volume, // of the pool that is named before
    volume_or_snapshot,
};

/// What the arguments in a usage text ("[<remote>:]<instance> <key>...") name, in order. `repeats`: so do all further.
struct Arguments {
    std::vector<Subject> subjects;
    bool repeats = false;
};
Arguments arguments_of(std::string_view usage);

struct Candidate {
    std::string word;
    std::string words = {}; // a line on what it is

    bool operator==(const Candidate&) const = default;
};

struct Completion {
    std::vector<Candidate> candidates; // from the tables; each begins with what was typed
    Subject subject = Subject::nothing;
    std::string before;                 // "--profile=": stays in front of every name of the subject
    std::string typed;                  // what the names begin with
    std::vector<std::string> arguments; // the words before that are arguments
    CommandPath path;
};

/// Of a line's words; the last one is being typed and may be empty. Unknown words complete to nothing.
Completion completion(const Command& root, View<Flag> global_flags, const std::vector<std::string>& words);

} // namespace client
