#pragma once
// One rtnetlink request that libnl has no words for: a header, attributes, nested attributes. Used inside this room.

#include <memory>
#include <new>
#include <string>

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "daemon/network/netlink.h"

namespace network {

class Message {
public:
    /// `header` is what follows the message's own header: tcmsg, rtmsg and so on.
    template <class Header> Message(int type, int flags, Header header) : message_(nlmsg_alloc_simple(type, flags)) {
        if (!message_) throw std::bad_alloc();
        check(nlmsg_append(message_.get(), &header, sizeof header, NLMSG_ALIGNTO));
    }

    Message& text(int attribute, const std::string& value) {
        check(nla_put_string(message_.get(), attribute, value.c_str()));
        return *this;
    }
    Message& bytes(int attribute, const void* data, size_t size) {
        check(nla_put(message_.get(), attribute, static_cast<int>(size), data));
        return *this;
    }
    template <class Value> Message& put(int attribute, const Value& value) {
        return bytes(attribute, &value, sizeof value);
    }
    template <class Fill> Message& nest(int attribute, Fill fill) {
        nlattr* start = nla_nest_start(message_.get(), attribute);
        if (start == nullptr) throw std::bad_alloc();
        fill();
        nla_nest_end(message_.get(), start);
        return *this;
    }
    /// Waits for the kernel's word: 0, or libnl's negative error.
    int send(const Netlink& netlink) {
        if (const int error = nl_send_auto(netlink.get(), message_.get()); error < 0) return error;
        return nl_wait_for_ack(netlink.get());
    }

private:
    struct Free {
        void operator()(nl_msg* message) const noexcept { nlmsg_free(message); }
    };
    static void check(int result) {
        if (result < 0) throw std::bad_alloc();
    }
    std::unique_ptr<nl_msg, Free> message_;
};

} // namespace network
