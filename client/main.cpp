#include "client/dispatch.h"

int main(int argc, char** argv) {
    return client::dispatch(client::root_command, {argv + 1, argv + argc});
}
