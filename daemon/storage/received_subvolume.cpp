#include "daemon/storage/received_subvolume.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <system_error>
#include <unistd.h>

#include "daemon/base/files.h"
#include "daemon/storage/subvolume.h"
#include "daemon/storage/write_at.h"
#include "schema/error.h"

namespace storage {

namespace {

using send_stream::Command;
using send_stream::Field;
using send_stream::Step;

/// The folder of an entry and its name there.
struct Place {
    base::Fd folder;
    std::string name;
};

class Application {
public:
    Application(base::Fd root, base::Fd parent, std::string uuid, std::string parent_uuid, mode_t mode)
        : root_(std::move(root)), parent_(std::move(parent)), uuid_(std::move(uuid)),
          parent_uuid_(std::move(parent_uuid)), mode_(mode) {}

    void apply(const Step& step);
    mode_t mode() const { return mode_; }

private:
    Place place(const std::string& path) const;
    /// Of the last file that was written to, which mostly is the next one, too.
    int file(const std::string& path);
    void make(const Step& step) const;
    void make_node(const Step& step, mode_t type) const;
    void write(const Step& step);
    void clone(const Step& step);
    void change_mode(const Step& step);
    void set_attribute(const Step& step) const;
    void set_times(const Step& step) const;
    base::Fd entry(const std::string& path) const;

    base::Fd root_;
    base::Fd parent_;
    std::string uuid_;
    std::string parent_uuid_;
    mode_t mode_;
    base::Fd file_;
    std::string file_path_;
};

void check(bool done, const Step& step) {
    if (done) return;
    const auto reason = errno;
    const auto path = step.fields.find(Field::path);
    throw std::system_error(reason, std::generic_category(),
                            fmt::format("Failed receiving {} (command {})",
                                        path == step.fields.end() ? "" : path->second, static_cast<int>(step.command)));
}

Place Application::place(const std::string& path) const {
    const auto slash = path.rfind('/');
    auto name = slash == std::string::npos ? path : path.substr(slash + 1);
    if (name.empty() || name == "." || name == ".." || name.find('\0') != std::string::npos)
        throw schema::bad_request("Bad btrfs stream: the path {:?}", path);
    const auto folder = slash == std::string::npos ? "." : path.substr(0, slash);
    return {base::open_beneath(root_.get(), folder, O_RDONLY | O_DIRECTORY), std::move(name)};
}

/// For what goes by a path alone; the link itself where it is one.
base::Fd Application::entry(const std::string& path) const {
    if (path.empty())
        return base::checked(::openat(root_.get(), ".", O_PATH | O_CLOEXEC), "Failed opening a subvolume");
    const auto [folder, name] = place(path);
    return base::checked(::openat(folder.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC),
                         "Failed opening " + path);
}

int Application::file(const std::string& path) {
    if (!file_ || file_path_ != path) {
        file_ = base::open_beneath(root_.get(), path, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
        file_path_ = path;
        struct stat status{};
        if (::fstat(file_.get(), &status) < 0 || !S_ISREG(status.st_mode)) {
            file_.reset();
            throw schema::bad_request("Bad btrfs stream: {:?} is no file", path);
        }
    }
    return file_.get();
}

void Application::make_node(const Step& step, mode_t type) const {
    const auto [folder, name] = place(step.text(Field::path));
    const bool device = S_ISCHR(type) || S_ISBLK(type);
    const auto number = device ? static_cast<dev_t>(step.number(Field::device)) : 0;
    check(::mknodat(folder.get(), name.c_str(), type | 0600, number) == 0, step);
}

void Application::make(const Step& step) const {
    const auto [folder, name] = place(step.text(Field::path));
    if (step.command == Command::make_folder) return check(::mkdirat(folder.get(), name.c_str(), 0700) == 0, step);
    if (step.command == Command::make_link)
        return check(::symlinkat(step.text(Field::path_link).c_str(), folder.get(), name.c_str()) == 0, step);
    const base::Fd made(::openat(folder.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    check(static_cast<bool>(made), step);
}

void Application::write(const Step& step) {
    const auto& data = step.text(Field::data);
    const auto offset = step.number(Field::offset);
    check(write_at(file(step.text(Field::path)), data, static_cast<off_t>(offset)), step);
}

void Application::clone(const Step& step) {
    const auto& from = step.text(Field::clone_uuid);
    const bool own = from == uuid_;
    if (!own && (!parent_ || from != parent_uuid_))
        throw schema::bad_request("Bad btrfs stream: it copies from elsewhere");
    const auto source = base::open_beneath(own ? root_.get() : parent_.get(), step.text(Field::clone_path),
                                           O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    file_clone_range range{};
    range.src_fd = source.get();
    range.src_offset = step.number(Field::clone_offset);
    range.src_length = step.number(Field::clone_length);
    range.dest_offset = step.number(Field::offset);
    check(::ioctl(file(step.text(Field::path)), FICLONERANGE, &range) == 0, step);
}

void Application::change_mode(const Step& step) {
    const auto& path = step.text(Field::path);
    if (path.empty()) { // later, and by the caller: nobody is to pass until all is there
        mode_ = static_cast<mode_t>(step.number(Field::mode)) & 07777;
        return;
    }
    const auto [folder, name] = place(path);
    // A link has no mode; one in place of what the sender had there is not followed.
    struct stat status{};
    check(::fstatat(folder.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISLNK(status.st_mode), step);
    check(::fchmodat(folder.get(), name.c_str(), static_cast<mode_t>(step.number(Field::mode)) & 07777, 0) == 0, step);
}

void Application::set_attribute(const Step& step) const {
    // Attributes cannot be set through O_PATH; nobody else changes the tree, so the name stays what it is.
    const auto opened = entry(step.text(Field::path));
    struct stat status{};
    check(::fstat(opened.get(), &status) == 0, step);
    const auto path = fmt::format("/proc/self/fd/{}", opened.get());
    const auto& name = step.text(Field::attribute_name);
    if (S_ISLNK(status.st_mode)) throw schema::bad_request("Bad btrfs stream: attributes of a link");
    if (step.command == Command::remove_attribute) return check(::removexattr(path.c_str(), name.c_str()) == 0, step);
    const auto& data = step.text(Field::attribute_data);
    check(::setxattr(path.c_str(), name.c_str(), data.data(), data.size(), 0) == 0, step);
}

timespec time_of(const std::string& bytes) {
    if (bytes.size() != 12) throw schema::bad_request("Bad btrfs stream: a time has another size");
    uint64_t seconds = 0;
    uint32_t nanoseconds = 0;
    std::copy_n(bytes.data(), sizeof seconds, reinterpret_cast<char*>(&seconds));
    std::copy_n(bytes.data() + sizeof seconds, sizeof nanoseconds, reinterpret_cast<char*>(&nanoseconds));
    return {static_cast<time_t>(le64toh(seconds)), static_cast<long>(le32toh(nanoseconds))};
}

void Application::set_times(const Step& step) const {
    const timespec times[] = {time_of(step.text(Field::accessed)), time_of(step.text(Field::modified))};
    const auto& path = step.text(Field::path);
    if (path.empty()) return check(::futimens(root_.get(), times) == 0, step);
    const auto [folder, name] = place(path);
    check(::utimensat(folder.get(), name.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0, step);
}

void Application::apply(const Step& step) {
    const auto both = [&](const std::string& to, const auto& call) {
        const auto source = place(step.text(Field::path));
        const auto target = place(to);
        check(call(source, target) == 0, step);
    };
    const auto unlink = [&](int flags) {
        const auto [folder, name] = place(step.text(Field::path));
        check(::unlinkat(folder.get(), name.c_str(), flags) == 0, step);
    };
    if (step.command != Command::write && step.command != Command::clone) file_.reset();
    switch (step.command) {
    case Command::make_file:
    case Command::make_folder:
    case Command::make_link:
        return make(step);
    case Command::make_node:
        return make_node(step, static_cast<mode_t>(step.number(Field::mode)) & S_IFMT);
    case Command::make_fifo:
        return make_node(step, S_IFIFO);
    case Command::make_socket:
        return make_node(step, S_IFSOCK);
    case Command::rename:
        return both(step.text(Field::path_to), [](const Place& from, const Place& to) {
            return ::renameat(from.folder.get(), from.name.c_str(), to.folder.get(), to.name.c_str());
        });
    case Command::link: // the new name comes first
        return both(step.text(Field::path_link), [](const Place& made, const Place& present) {
            return ::linkat(present.folder.get(), present.name.c_str(), made.folder.get(), made.name.c_str(), 0);
        });
    case Command::unlink:
        return unlink(0);
    case Command::remove_folder:
        return unlink(AT_REMOVEDIR);
    case Command::set_attribute:
    case Command::remove_attribute:
        return set_attribute(step);
    case Command::write:
        return write(step);
    case Command::clone:
        return clone(step);
    case Command::truncate:
        return check(::ftruncate(file(step.text(Field::path)), static_cast<off_t>(step.number(Field::size))) == 0,
                     step);
    case Command::change_mode:
        return change_mode(step);
    case Command::change_owner:
        return check(::fchownat(entry(step.text(Field::path)).get(), "", static_cast<uid_t>(step.number(Field::uid)),
                                static_cast<gid_t>(step.number(Field::gid)), AT_EMPTY_PATH) == 0,
                     step);
    case Command::set_times:
        return set_times(step);
    case Command::update_extent: // of a stream without data, which nobody asked for
    case Command::subvolume:
    case Command::snapshot:
    case Command::end:
        break;
    }
    throw schema::bad_request("Bad btrfs stream: command {} where it cannot be", static_cast<int>(step.command));
}

} // namespace

Received receive_subvolume(send_stream::Reader& stream, const std::string& path, const FindParent& find_parent,
                           const base::CancelToken& cancel) {
    const auto first = stream.next();
    base::Fd parent;
    std::string parent_uuid;
    if (first.command == Command::snapshot) {
        parent_uuid = first.text(Field::clone_uuid);
        parent = find_parent(parent_uuid);
        if (!parent) throw schema::bad_request("The snapshot that a btrfs stream is a difference from is not there");
        subvolume::snapshot_alone(parent.get(), path);
    } else if (first.command == Command::subvolume) {
        subvolume::create(path);
    } else {
        throw schema::bad_request("Bad btrfs stream: it begins with no subvolume");
    }
    auto root = subvolume::open(path);
    struct stat before{};
    if (::fstat(root.get(), &before) < 0 || ::fchmod(root.get(), 0700) < 0)
        throw std::system_error(errno, std::generic_category(), path);
    Application application(std::move(root), std::move(parent), first.text(Field::uuid), parent_uuid,
                            before.st_mode & 07777);
    for (auto step = stream.next(); step.command != Command::end; step = stream.next()) {
        cancel.check();
        application.apply(step);
    }
    return {first.text(Field::uuid), first.number(Field::transaction), application.mode()};
}

} // namespace storage
