#pragma once
// Backups of instances and of custom volumes as files on this machine: what the export and import commands share.

#include <map>
#include <string>

#include "client/flags.h"
#include "client/session.h"
#include "schema/json.h"

namespace client {

/// What is said meanwhile, and before what went wrong.
struct BackupTexts {
    std::string_view making;        // "Backing up instance: "
    std::string_view making_failed; // "Create instance backup: "
    std::string_view fetch_failed;  // "Fetch instance backup file: "
};

/// Lets the server make a backup, writes it into a file ("-": standard output) and lets the server forget it. `url` is
/// that of the backups ("/1.0/instances/c1/backups").
void export_backup(Session& session, Server& server, const std::string& url, schema::Json request,
                   const std::string& target, const BackupTexts& texts);

/// Posts a file ("-": standard input) and waits until the server has made what is in it.
void import_backup(Session& session, Server& server, const std::string& url, const std::string& file,
                   const std::map<std::string, std::string>& headers, std::string_view importing);

} // namespace client
