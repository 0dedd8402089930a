#pragma once
// The order and the kinds of the members of LXD's API objects. The client prints objects as YAML and JSON in this
// order, with members that a server left out at their zero values, whatever the server sent.

#include <string_view>

#include "client/view.h"
#include "schema/json.h"

namespace client {

struct Field;

struct Shape {
    enum class Kind {
        any,
        text,
        number,
        boolean,
        time,
        optional_time, // a time, or null
        map,           // of `element`
        list,          // of `element`
        object,        // with `fields`, in order
        pointer,       // an object, or null
    };
    Kind kind = Kind::any;
    const Shape* element = nullptr;
    View<Field> fields = {};
};

struct Field {
    std::string_view name;
    const Shape* shape;
    bool omit_empty = false;
};

namespace shapes {

extern const Shape any, text, text_map, text_list, any_map;
extern const Shape instance_put, instance, instance_full, instances, instances_full;
extern const Shape instance_unexpanded, snapshot_unexpanded; // without what profiles bring
extern const Shape metadata;
extern const Shape snapshot_put, snapshot, profile_put, profile, profiles;
extern const Shape image_put, image, images, aliases;
extern const Shape pool_put, pool, pools, pool_resources;
extern const Shape volume_put, volume, volumes, volume_snapshot_put, volume_snapshot;
extern const Shape operation, operations;
extern const Shape server_put, server, remotes, event;
extern const Shape devices;

} // namespace shapes

/// The object with exactly the shape's members, in its order.
schema::Json shaped(const schema::Json& value, const Shape& shape);

} // namespace client
