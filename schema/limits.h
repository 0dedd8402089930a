#pragma once
// How far the daemon goes for anybody: one row for each thing that a client, an image or a container could otherwise
// make endless. The code that enforces a limit takes its number from here; the README prints the rows.

#include <array>
#include <cstddef>
#include <string_view>

namespace schema {

struct Limit {
    std::string_view name;
    size_t value;
    std::string_view unit;
    std::string_view past_it; // what happens past it
};

namespace limits {

inline constexpr size_t kibi = 1U << 10U;
inline constexpr size_t mebi = kibi << 10U;
inline constexpr size_t gibi = mebi << 10U;

inline constexpr Limit connections{
    "open connections", 4096, "",
    "the longest idle one is closed (half of the process's descriptors, where that is less)"};
inline constexpr Limit request_head{"request line and headers", 64 * kibi, "bytes", "431"};
inline constexpr Limit json_body{"JSON body of a request", mebi, "bytes",
                                 "413; uploads of images and files are not bounded by this"};
inline constexpr Limit json_depth{"depth of JSON", 512, "levels", "400 \"Nested too deeply\""};
inline constexpr Limit filter_length{"regular expression in a filter", kibi, "bytes", "it is compared as text"};
inline constexpr Limit filter_memory{"memory of a regular expression in a filter", mebi, "bytes",
                                     "it is compared as text"};
inline constexpr Limit filter_clauses{"clauses of a filter", 64, "", "400"};
inline constexpr Limit websocket_text{"text message on a websocket", mebi, "bytes", "the websocket is closed"};
inline constexpr Limit websocket_queue{"unread data of a websocket, each way", 256 * kibi, "bytes",
                                       "the sender waits; a listener to events is dropped"};
inline constexpr Limit guest_connections{"open connections of a container to /dev/lxd/sock", 64, "",
                                         "the longest idle one is closed, or the new one where none is idle"};
inline constexpr Limit guest_head{"request line and headers on /dev/lxd/sock", 16 * kibi, "bytes", "431"};
inline constexpr Limit guest_body{"body of a request on /dev/lxd/sock", 16 * kibi, "bytes", "413"};
inline constexpr Limit guest_states{"changes of its state that a container reports", 60, "a minute", "429"};
inline constexpr Limit guest_workers{"requests of containers at work", 64, "threads", "the others wait"};
inline constexpr Limit workers{"requests and streams at work", 4096, "threads", "the operation fails"};
inline constexpr Limit program_output{"output of a program that the daemon runs", 16 * mebi, "bytes",
                                      "what needed the program fails"};
inline constexpr Limit folder_listing{"names of a folder over the file API", 16 * mebi, "bytes", "500"};
inline constexpr Limit multipart_head{"headers of one part of a multipart body", 16 * kibi, "bytes",
                                      "the import fails"};
inline constexpr Limit image_metadata{"metadata.yaml of an image", mebi, "bytes", "the import fails"};
inline constexpr Limit image_metadata_read{"metadata.yaml of an image, its aliases replaced by what they stand for",
                                           8 * mebi, "bytes", "the import fails"};
inline constexpr Limit backup_index{"index.yaml or backup.yaml of a backup", 16 * mebi, "bytes", "the import fails"};
inline constexpr Limit image_entries{"files in an image", 20'000'000, "", "the import fails"};
inline constexpr Limit image_kept{"names and attributes of an image's folders and links", 512 * mebi, "bytes",
                                  "the import fails"};
inline constexpr Limit image_path{"path of a file in an image", 4096, "bytes", "the import fails"};
inline constexpr Limit image_ratio{"size of an image's files to that of its archive", 250, "times",
                                   "the import fails, once the files have more than 1 GiB, holes included"};

inline constexpr Limit template_source{"template of an image", mebi, "bytes", "the start fails"};
inline constexpr Limit template_output{"what a template prints", 4 * mebi, "bytes", "the start fails"};
inline constexpr Limit template_steps{"nodes and expressions that a template works out", 1'000'000, "",
                                      "the start fails"};
inline constexpr Limit template_handled{"texts and lists that a template's expressions give", 64 * mebi, "bytes",
                                        "the start fails"};
inline constexpr Limit template_text{"one text in a template", 4 * mebi, "bytes", "the start fails"};
inline constexpr Limit template_parts{"turns of a loop in a template", 100'000, "", "the start fails"};
inline constexpr Limit template_nesting{"depth of a template", 100, "levels", "the start fails"};
inline constexpr Limit template_run{"depth of a template with the macros that it calls", 300, "levels",
                                    "the start fails"};
inline constexpr Limit sftp_packet{"packet of SFTP", 256 * kibi, "bytes", "the connection ends"};
inline constexpr Limit sftp_handles{"files and folders open over an SFTP connection", 512, "", "the next is refused"};

/// Below this no ratio is looked at: small archives of zeros are legitimate.
inline constexpr size_t image_ratio_from = gibi;

inline constexpr std::array all{
    connections,    request_head,        json_body,       json_depth,        filter_length,    filter_memory,
    filter_clauses, websocket_text,      websocket_queue, guest_connections, guest_head,       guest_body,
    guest_states,   guest_workers,       workers,         program_output,    folder_listing,   multipart_head,
    image_metadata, image_metadata_read, backup_index,    image_entries,     image_kept,       image_path,
    image_ratio,    template_source,     template_output, template_steps,    template_handled, template_text,
    template_parts, template_nesting,    template_run,    sftp_packet,       sftp_handles};

} // namespace limits

} // namespace schema
