#include "daemon/instance/free_name.h"

#include <array>
#include <random>
#include <string_view>

#include "schema/error.h"

namespace instance {

namespace {

constexpr auto qualities = std::to_array<std::string_view>(
    {"able",   "amber",   "brave",  "brisk",  "calm",  "civil", "clear", "clever", "crisp",  "daring", "deft",
     "eager",  "early",   "exact",  "fair",   "fast",  "firm",  "fleet", "fond",   "frank",  "free",   "fresh",
     "gentle", "glad",    "golden", "grand",  "handy", "happy", "hardy", "honest", "humble", "jolly",  "keen",
     "kind",   "large",   "light",  "lively", "loyal", "lucky", "merry", "mighty", "modest", "neat",   "nimble",
     "noble",  "patient", "polite", "prime",  "proud", "quick", "quiet", "rapid",  "ready",  "robust", "sharp",
     "silent", "smart",   "solid",  "steady", "sunny", "swift", "tidy",  "vivid",  "warm",   "wise",   "witty"});
constexpr auto animals = std::to_array<std::string_view>(
    {"adder",   "ant",    "badger", "bat",    "bear",    "beaver", "bison",  "boar",  "bream", "buzzard", "carp",
     "chamois", "cod",    "crab",   "crane",  "cricket", "crow",   "deer",   "dingo", "dove",  "eagle",   "eel",
     "egret",   "elk",    "falcon", "ferret", "finch",   "fox",    "frog",   "gecko", "goat",  "goose",   "gull",
     "hare",    "hawk",   "heron",  "hornet", "horse",   "ibex",   "jackal", "jay",   "koala", "lark",    "lemur",
     "lion",    "lizard", "lynx",   "marten", "mole",    "moose",  "newt",   "otter", "owl",   "panda",   "perch",
     "pigeon",  "pike",   "puffin", "raven",  "robin",   "salmon", "seal",   "shrew", "stork", "swan",    "wren"});

std::string_view pick(const auto& words, std::mt19937& random) {
    return words[std::uniform_int_distribution<size_t>(0, words.size() - 1)(random)];
}

} // namespace

std::string free_name(const std::function<bool(const std::string&)>& taken) {
    std::mt19937 random(std::random_device{}());
    for (int attempt = 0; attempt < 100; ++attempt) {
        auto name = fmt::format("{}-{}", pick(qualities, random), pick(animals, random));
        if (!taken(name)) return name;
    }
    throw schema::failure("Couldn't generate a new unique name after 100 tries");
}

} // namespace instance
