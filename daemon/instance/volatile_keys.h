#pragma once
// Keys of an instance's configuration that the daemon writes to find its way after a crash or a restart. The marks of
// unfinished work are in the database alone: clients never see them.

namespace instance {

/// While an instance's root is made or removed: what still has it at the next start was left half-made by a crash, and
/// goes.
constexpr const char* incomplete_key = "volatile.last_state.incomplete";
/// The running instance that is frozen while this one is made as its copy: it is thawed at the next start.
constexpr const char* frozen_source_key = "volatile.last_state.frozen_source";
/// The new name while an instance is renamed: what still has it at the next start gets its old name back.
constexpr const char* renaming_key = "volatile.last_state.renaming";
/// The snapshot while an instance is brought back to it: the next start does that again.
constexpr const char* restoring_key = "volatile.last_state.restoring";
/// The pool in which an instance that is moved has a volume that is to go: the new one while it is made, then the old.
constexpr const char* moving_key = "volatile.last_state.moving";
/// What happened to an instance that its image's templates are told of at its next start.
constexpr const char* template_key = "volatile.apply_template";
constexpr const char* power_key = "volatile.last_state.power";
/// Set while a running instance says of itself that it is ready.
constexpr const char* ready_key = "volatile.last_state.ready";
/// What cloud-init knows the instance by: it does its work again when this changes.
constexpr const char* cloud_init_key = "volatile.cloud-init.instance-id";

} // namespace instance
