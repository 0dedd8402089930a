#include "daemon/network/rules.h"

#include <memory>
#include <new>

#include <nftables/libnftables.h>

#include "daemon/base/files.h"
#include "schema/error.h"

namespace network {

namespace {

struct FreeContext {
    void operator()(nft_ctx* context) const noexcept { nft_ctx_free(context); }
};

} // namespace

void apply_rules(const std::string& commands) {
    const std::unique_ptr<nft_ctx, FreeContext> context(nft_ctx_new(NFT_CTX_DEFAULT));
    if (!context) throw std::bad_alloc();
    nft_ctx_buffer_output(context.get());
    nft_ctx_buffer_error(context.get());
    if (nft_run_cmd_from_buffer(context.get(), commands.c_str()) == 0) return;
    throw schema::failure("Failed changing the firewall: {}", base::trimmed(nft_ctx_get_error_buffer(context.get())));
}

} // namespace network
