#pragma once
// An image's template: LXD's template language, which is Django's as pongo2 has it, without the tags that read other
// files. Pure and bounded, because images are not trusted. Called by instance, which writes what comes out.

#include <map>
#include <string>
#include <string_view>

#include "daemon/images/templates/value.h"
#include "schema/limits.h"

namespace images::templates {

struct Limits {
    size_t source = schema::limits::template_source.value;   // bytes of a template
    size_t output = schema::limits::template_output.value;   // bytes of what it prints
    size_t steps = schema::limits::template_steps.value;     // nodes and expressions that are worked out
    size_t handled = schema::limits::template_handled.value; // bytes of texts that expressions give and filters take
};

/// Throws schema::failure `Line N: ...` for a template that is wrong, or goes past a limit.
std::string render(std::string_view source, const std::map<std::string, Value>& variables, const Limits& limits = {});

} // namespace images::templates
