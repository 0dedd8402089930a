#include "daemon/http/tls_settings.h"

#include <string>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "schema/error.h"

namespace http {

namespace {

schema::Error broken(std::string_view what) {
    char reason[256] = "";
    ERR_error_string_n(ERR_get_error(), reason, sizeof reason);
    ERR_clear_error();
    return schema::failure("Failed setting up TLS: {}: {}", what, reason);
}

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;

Bio reader(const std::string& text) {
    return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free};
}

void use_certificates(SSL_CTX* settings, const std::string& pem) {
    const auto bio = reader(pem);
    const std::unique_ptr<X509, decltype(&X509_free)> leaf(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr),
                                                           X509_free);
    if (!leaf || SSL_CTX_use_certificate(settings, leaf.get()) != 1) throw broken("the certificate");
    while (auto* next = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr))
        SSL_CTX_add0_chain_cert(settings, next); // owns it
    ERR_clear_error();                           // reading stops with "no start line"
}

void use_key(SSL_CTX* settings, const std::string& pem) {
    const auto bio = reader(pem);
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
    if (!key || SSL_CTX_use_PrivateKey(settings, key.get()) != 1) throw broken("the key");
    if (SSL_CTX_check_private_key(settings) != 1) throw broken("the key does not belong to the certificate");
}

int take_any_certificate(X509_STORE_CTX* store, void*) {
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}

} // namespace

std::shared_ptr<ssl_ctx_st> tls_settings(const TlsIdentity& identity) {
    std::shared_ptr<SSL_CTX> settings(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
    if (!settings) throw broken("the context");
    SSL_CTX_set_min_proto_version(settings.get(), TLS1_2_VERSION);
    // Without resumption every connection shows its certificate.
    SSL_CTX_set_options(settings.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
                                            SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(settings.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(settings.get(), 0);
    SSL_CTX_set_mode(settings.get(), SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(settings.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_cert_verify_callback(settings.get(), take_any_certificate, nullptr);
    use_certificates(settings.get(), identity.certificate_pem);
    use_key(settings.get(), identity.key_pem);
    return settings;
}

} // namespace http
