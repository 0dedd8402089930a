#pragma once
// The names of vendors, products and classes, from the hardware lists pci.ids and usb.ids where the host has them.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "daemon/resources/tree.h"

namespace resources {

class IdNames {
public:
    /// The text of a pci.ids or usb.ids; an empty one knows no names.
    explicit IdNames(std::string text);
    IdNames(const IdNames&) = delete; // sections_ point into text_
    IdNames& operator=(const IdNames&) = delete;

    /// By hexadecimal ids without "0x", as sysfs has them: "1af4", "1041". Empty where the list has none.
    std::string vendor(std::string_view id) const { return section_name(id); }
    std::string product(std::string_view vendor, std::string_view id) const { return entry_name(vendor, id); }
    /// USB classes, by two digits.
    std::string usb_class(int64_t id) const;
    std::string usb_subclass(int64_t class_id, int64_t id) const;

private:
    std::string section_name(std::string_view key) const;
    std::string entry_name(std::string_view section, std::string_view id) const;

    std::string text_;
    /// "1af4" or "C 03" -> the text from its own line to the next section.
    std::map<std::string, std::string_view, std::less<>> sections_;
};

/// The list of the host, from where distributions put it; empty where it has none.
std::string hardware_list(const Tree& tree, const std::string& name);

} // namespace resources
