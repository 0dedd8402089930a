#include "daemon/network/rules.h"

#include <memory>
#include <new>

#include <dlfcn.h>
#include <nftables/libnftables.h>

#include "daemon/base/files.h"
#include "schema/error.h"

namespace network {

namespace {

/// libnftables and the libraries that it needs take half a megabyte, and a daemon may never have a rule to apply: they
/// are loaded for the first one, and stay.
struct Nftables {
    void* library = ::dlopen("libnftables.so.1", RTLD_NOW);
    decltype(&nft_ctx_new) make{};
    decltype(&nft_ctx_free) free{};
    decltype(&nft_ctx_buffer_output) buffer_output{};
    decltype(&nft_ctx_buffer_error) buffer_error{};
    decltype(&nft_run_cmd_from_buffer) run{};
    decltype(&nft_ctx_get_error_buffer) error{};

    Nftables() {
        find(make, "nft_ctx_new");
        find(free, "nft_ctx_free");
        find(buffer_output, "nft_ctx_buffer_output");
        find(buffer_error, "nft_ctx_buffer_error");
        find(run, "nft_run_cmd_from_buffer");
        find(error, "nft_ctx_get_error_buffer");
    }

private:
    template <class Function> void find(Function& function, const char* name) const {
        void* found = library != nullptr ? ::dlsym(library, name) : nullptr;
        // NOLINTNEXTLINE(concurrency-mt-unsafe): glibc has one for each thread
        if (found == nullptr) throw schema::failure("Failed loading libnftables: {}", ::dlerror());
        function = reinterpret_cast<Function>(found);
    }
};

} // namespace

void apply_rules(const std::string& commands) {
    static const Nftables nft;
    const std::unique_ptr<nft_ctx, decltype(nft.free)> context(nft.make(NFT_CTX_DEFAULT), nft.free);
    if (!context) throw std::bad_alloc();
    nft.buffer_output(context.get());
    nft.buffer_error(context.get());
    if (nft.run(context.get(), commands.c_str()) == 0) return;
    throw schema::failure("Failed changing the firewall: {}", base::trimmed(nft.error(context.get())));
}

} // namespace network
