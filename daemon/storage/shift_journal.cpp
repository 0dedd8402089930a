#include "daemon/storage/shift_journal.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <system_error>
#include <unistd.h>

#include "daemon/base/files.h"

namespace storage {

namespace {

template <class Number> void put(std::string& bytes, Number number) {
    bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

void put_text(std::string& bytes, std::string_view text) {
    put(bytes, static_cast<uint32_t>(text.size()));
    bytes += text;
}

/// Takes from the front; `ended` once something was asked for that is not there.
struct Reader {
    std::string_view left;
    bool ended = false;

    std::string_view take(size_t size) {
        ended = ended || size > left.size();
        if (ended) return {};
        const auto taken = left.substr(0, size);
        left.remove_prefix(size);
        return taken;
    }
    template <class Number> Number number() {
        Number value{};
        if (const auto bytes = take(sizeof value); !ended) std::memcpy(&value, bytes.data(), bytes.size());
        return value;
    }
    std::string text() { return std::string(take(number<uint32_t>())); }
};

/// FNV-1a: it has to tell a torn write from a whole one, no more.
uint64_t checksum(std::string_view bytes) {
    uint64_t sum = 14695981039346656037U;
    for (const char c : bytes) sum = (sum ^ static_cast<unsigned char>(c)) * 1099511628211U;
    return sum;
}

std::string header(const IdShift& shift) {
    return schema::to_json(shift.from) + "\n" + schema::to_json(shift.to) + "\n";
}

std::string_view take_line(std::string_view& text) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

OwnersBefore next_file(Reader& reader) {
    OwnersBefore file;
    file.device = reader.number<uint64_t>();
    file.inode = reader.number<uint64_t>();
    file.uid = reader.number<uint32_t>();
    file.gid = reader.number<uint32_t>();
    file.mode = reader.number<uint32_t>();
    for (auto count = reader.number<uint32_t>(); count > 0 && !reader.ended; --count) {
        auto name = reader.text();
        file.xattrs.emplace_back(std::move(name), reader.text());
    }
    return file;
}

} // namespace

std::string encoded(const std::vector<OwnersBefore>& batch) {
    std::string content;
    put(content, static_cast<uint32_t>(batch.size()));
    for (const auto& file : batch) {
        put(content, file.device);
        put(content, file.inode);
        put(content, file.uid);
        put(content, file.gid);
        put(content, file.mode);
        put(content, static_cast<uint32_t>(file.xattrs.size()));
        for (const auto& [name, value] : file.xattrs) {
            put_text(content, name);
            put_text(content, value);
        }
    }
    std::string bytes;
    put_text(bytes, content);
    put(bytes, checksum(content));
    return bytes;
}

std::vector<OwnersBefore> decoded(std::string_view batches) {
    std::vector<OwnersBefore> files;
    Reader reader{batches};
    while (!reader.left.empty()) {
        const auto content = reader.text();
        if (reader.number<uint64_t>() != checksum(content) || reader.ended) break;
        Reader inner{content};
        for (auto count = inner.number<uint32_t>(); count > 0 && !inner.ended; --count)
            files.push_back(next_file(inner));
    }
    return files;
}

ShiftJournal::ShiftJournal(const std::string& path, const IdShift& shift) {
    base::replace_file(path, header(shift));
    file_ = base::checked(::open(path.c_str(), O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC), path);
}

void ShiftJournal::add(const std::vector<OwnersBefore>& batch) {
    base::write_all(file_.get(), encoded(batch));
    if (::fdatasync(file_.get()) < 0) throw std::system_error(errno, std::generic_category(), "fdatasync");
}

JournalContent read_journal(const std::string& path) {
    const auto text = base::read_file(path);
    std::string_view left = text;
    JournalContent content;
    content.shift.from = schema::id_map_from(take_line(left));
    content.shift.to = schema::id_map_from(take_line(left));
    content.files = decoded(left);
    return content;
}

} // namespace storage
