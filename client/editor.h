#pragma once
// Editing an object as YAML: in the user's editor, or from standard input where that is no terminal.

#include <functional>
#include <string>
#include <vector>

namespace client {

/// The words of a command line, quotes and backslashes respected; nothing is expanded.
std::vector<std::string> command_words(const std::string& line);

/// Opens a file in $VISUAL, $EDITOR or what the system has; returns when the editor ends.
void run_editor(const std::string& path);

struct EditedText {
    std::string heading = {};             // comment lines above the YAML
    std::function<std::string()> current; // the YAML to start with
    /// Sends what was written; a failure is shown, and the editor opened again.
    std::function<void(const std::string& content)> store;
    std::string complaint = "Config parsing error"; // before what went wrong
};

/// From standard input `store` is called once, without `current`.
void edit(const EditedText& text);

} // namespace client
