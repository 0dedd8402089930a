#include "client/completion.h"

#include <functional>

#include <gmock/gmock.h>

#include "client/dispatch.h"

using client::Completion;
using client::Subject;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

namespace {

Completion of(const std::vector<std::string>& words) {
    return client::completion(client::root_command, client::global_flags, words);
}

std::vector<std::string> words_of(const Completion& completion) {
    std::vector<std::string> words;
    for (const auto& candidate : completion.candidates) words.push_back(candidate.word);
    return words;
}

struct Case {
    std::vector<std::string> words;
    Subject subject;
};

} // namespace

TEST(Completion, CommandsAreOfferedByTheirBeginning) {
    EXPECT_THAT(words_of(of({"laun"})), ElementsAre("launch"));
    EXPECT_THAT(words_of(of({"config", "device", "ov"})), ElementsAre("override"));
}

TEST(Completion, HiddenCommandsAreOfferedToWhoHasBegunThem) {
    EXPECT_THAT(words_of(of({""})), Not(Contains("query")));
    EXPECT_THAT(words_of(of({"qu"})), ElementsAre("query"));
}

TEST(Completion, FlagsAreOfferedWithTheGlobalOnes) {
    EXPECT_THAT(words_of(of({"list", "--fo"})), ElementsAre("--format", "--force-local"));
    EXPECT_THAT(words_of(of({"exec", "c1", "--", "--"})), IsEmpty());
}

TEST(Completion, ValuesOfFlagsAreOffered) {
    EXPECT_THAT(words_of(of({"list", "--format", "c"})), ElementsAre("csv", "compact"));
    EXPECT_THAT(words_of(of({"list", "--format=j"})), ElementsAre("--format=json"));
    EXPECT_EQ(of({"launch", "-p", "de"}).subject, Subject::profile);
    const auto inside = of({"launch", "--profile=de"});
    EXPECT_EQ(inside.subject, Subject::profile);
    EXPECT_EQ(inside.before, "--profile=");
    EXPECT_EQ(inside.typed, "de");
}

TEST(Completion, ArgumentsAreKnownFromTheUsage) {
    const Case cases[] = {
        {{"start", ""}, Subject::instance},
        {{"start", "c1", "c"}, Subject::instance},
        {{"stop", "--timeout", "5", ""}, Subject::instance},
        {{"launch", ""}, Subject::image},
        {{"launch", "debian", ""}, Subject::nothing},
        {{"config", "get", "c1", ""}, Subject::key},
        {{"config", "set", "c1", ""}, Subject::setting},
        {{"config", "set", "c1", "a=b", ""}, Subject::setting},
        {{"config", "device", "remove", "c1", ""}, Subject::device},
        {{"config", "device", "add", "c1", "d", ""}, Subject::device_type},
        {{"config", "template", "show", "c1", ""}, Subject::template_file},
        {{"profile", "add", "c1", ""}, Subject::profile},
        {{"profile", "assign", "c1", ""}, Subject::profiles},
        {{"profile", "show", ""}, Subject::profile},
        {{"image", "show", ""}, Subject::image},
        {{"image", "alias", "delete", ""}, Subject::image_alias},
        {{"image", "import", ""}, Subject::file},
        {{"alias", "remove", ""}, Subject::alias},
        {{"file", "pull", ""}, Subject::instance_path},
        {{"file", "pull", "c1/etc/hosts", ""}, Subject::file},
        {{"file", "push", "a", ""}, Subject::instance_path},
        {{"operation", "show", ""}, Subject::operation},
        {{"storage", "show", ""}, Subject::pool},
        {{"storage", "set", "default", ""}, Subject::setting},
        {{"storage", "volume", "show", "default", ""}, Subject::volume_or_snapshot},
        {{"storage", "volume", "create", "default", ""}, Subject::nothing},
        {{"storage", "volume", "attach", "default", ""}, Subject::volume},
        {{"storage", "volume", "attach", "default", "data", ""}, Subject::instance},
        {{"storage", "volume", "detach", "default", "data", "c1", ""}, Subject::device},
        {{"storage", "volume", "restore", "default", "data", ""}, Subject::snapshot},
        {{"storage", "volume", "copy", ""}, Subject::pool_volume},
        {{"storage", "volume", "import", "default", ""}, Subject::file},
        {{"snapshot", ""}, Subject::instance},
        {{"snapshot", "c1", ""}, Subject::nothing},
        {{"restore", "c1", ""}, Subject::snapshot},
        {{"delete", ""}, Subject::instance_or_snapshot},
        {{"delete", "c1", ""}, Subject::instance_or_snapshot},
        {{"copy", ""}, Subject::instance_or_snapshot},
        {{"publish", ""}, Subject::instance_or_snapshot},
        {{"export", "c1", ""}, Subject::file},
        {{"import", ""}, Subject::file},
        {{"list", ""}, Subject::remote},
        {{"exec", "c1", ""}, Subject::nothing},
        {{"version", "local:", ""}, Subject::nothing},
        {{"config", "no-such-command", ""}, Subject::nothing},
    };
    for (const auto& [words, subject] : cases) {
        EXPECT_EQ(of(words).subject, subject) << testing::PrintToString(words);
    }
}

TEST(Completion, EveryArgumentOfAnInstanceIsCompleted) {
    // A usage text whose placeholder nobody knows completes to nothing, silently: this finds it.
    const std::function<void(client::CommandPath)> walk = [&](const client::CommandPath& path) {
        for (const auto* child : path.back()->children) {
            auto inner = path;
            inner.push_back(child);
            walk(inner);
        }
        const auto usage = path.back()->arguments;
        if (usage.find("<instance>") == std::string_view::npos) return;
        EXPECT_THAT(
            client::arguments_of(usage).subjects,
            testing::Contains(testing::AnyOf(Subject::instance, Subject::instance_or_snapshot, Subject::instance_path)))
            << usage;
    };
    walk({&client::root_command});
}

TEST(Help, EveryCommandHasExamples) {
    const std::function<void(client::CommandPath)> walk = [&](const client::CommandPath& path) {
        EXPECT_FALSE(path.back()->summary.empty()) << client::full_name(path);
        EXPECT_TRUE(!path.back()->children.empty() || !path.back()->examples.empty()) << client::full_name(path);
        for (const auto* child : path.back()->children) {
            auto inner = path;
            inner.push_back(child);
            walk(inner);
        }
    };
    walk({&client::root_command});
}
