#pragma once
// A request to stop a piece of long work: set from any thread, polled or waited for by the worker.

#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "schema/error.h"

namespace base {

/// Copies share one state.
class CancelToken {
public:
    bool cancelled() const {
        const std::scoped_lock lock(state_->mutex);
        return state_->cancelled;
    }
    /// Throws bad_request "Operation cancelled" once cancelled: for loops.
    void check() const {
        if (cancelled()) throw schema::bad_request("Operation cancelled");
    }
    /// Runs the registered callbacks, once, on this thread.
    void cancel() const {
        std::map<int, std::function<void()>> callbacks;
        {
            const std::scoped_lock lock(state_->mutex);
            if (state_->cancelled) return;
            state_->cancelled = true;
            callbacks.swap(state_->callbacks);
        }
        for (auto& [id, callback] : callbacks) callback();
    }

    /// Registers a callback that ends a blocking call (kills a process, shuts a socket down). It must be quick, must
    /// stand being called late, and is called at once if the token is cancelled already. Destroying the returned
    /// handle unregisters it.
    std::shared_ptr<void> on_cancel(std::function<void()> callback) const {
        int id = 0;
        {
            const std::scoped_lock lock(state_->mutex);
            id = state_->next_id++;
            if (!state_->cancelled) {
                state_->callbacks.emplace(id, std::move(callback));
                return {nullptr, [state = state_, id](void*) {
                            const std::scoped_lock inner(state->mutex);
                            state->callbacks.erase(id);
                        }};
            }
        }
        callback();
        return nullptr;
    }

private:
    struct State {
        std::mutex mutex;
        bool cancelled = false;
        int next_id = 0;
        std::map<int, std::function<void()>> callbacks;
    };
    std::shared_ptr<State> state_ = std::make_shared<State>();
};

} // namespace base
