#pragma once
// Every command of the tree; each is defined in the file of its name, which says what it does.

#include "client/command.h"

namespace client::commands {

extern const Command alias;
extern const Command completion;
extern const Command config;
extern const Command config_device;
extern const Command config_metadata;
extern const Command config_profile;
extern const Command config_template;
extern const Command console;
extern const Command copy;
extern const Command delete_instances;
extern const Command exec;
extern const Command export_instance;
extern const Command file;
extern const Command file_mount;
extern const Command finger;
extern const Command image;
extern const Command image_alias;
extern const Command import_instance;
extern const Command info;
extern const Command init;
extern const Command launch;
extern const Command list;
extern const Command manpage;
extern const Command monitor;
extern const Command move;
extern const Command operation;
extern const Command pause;
extern const Command profile;
extern const Command profile_device;
extern const Command publish;
extern const Command query;
extern const Command remote;
extern const Command rename;
extern const Command restart;
extern const Command restore;
extern const Command snapshot;
extern const Command start;
extern const Command stop;
extern const Command storage;
extern const Command storage_volume;
extern const Command version;

} // namespace client::commands
