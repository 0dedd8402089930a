#pragma once
// The commands that are the same for every kind of object with a name and a configuration: edit, get, set, unset.
// `on<run, kind>` makes an entry of the command tree out of one.

#include "client/command.h"
#include "client/objects.h"
#include "client/session.h"

namespace client {

/// What `words[0]` names; complains in the kind's words where it names nothing.
Object object_named(Session& session, const std::string& word, const ObjectKind& kind);

/// Changes keys of an object's configuration, all at once. An empty value unsets, as `unset` does.
void set_keys(Object& object, const std::map<std::string, std::string>& settings);
void unset_key(Object& object, const std::string& key);
std::string shown_key(Object& object, const std::string& key);

int run_object_edit(Session& session, Call& call, const ObjectKind& kind);
int run_object_get(Session& session, Call& call, const ObjectKind& kind);
int run_object_set(Session& session, Call& call, const ObjectKind& kind);
int run_object_show(Session& session, Call& call, const ObjectKind& kind);
int run_object_unset(Session& session, Call& call, const ObjectKind& kind);

template <int (*run)(Session&, Call&, const ObjectKind&), const ObjectKind& kind> int on(Session& session, Call& call) {
    return run(session, call, kind);
}

/// --target is for clusters, which there are none of yet; instances never take it.
void refuse_target(const Call& call, bool is_instance = false);

/// As refuse_target, for what a cluster's members have each for themselves.
void refuse_member(const Call& call);

/// Sorts what uses an object: servers list it in no order.
void sort_users(schema::Json& object);

/// Confirms what was done, unless --quiet.
void say(const Session& session, std::string_view text);

} // namespace client
