#include "daemon/instance/instance.h"

#include "schema/error.h"

namespace instance {

Instance::Action Instance::begin(const std::string& name) {
    const std::scoped_lock lock(mutex_);
    if (!action_.empty()) throw schema::failure("Instance is busy running a {:?} operation", action_);
    action_ = name;
    return Action(this);
}

std::string Instance::busy_with() const {
    const std::scoped_lock lock(mutex_);
    return action_;
}

Instance::Action::~Action() {
    if (instance_ == nullptr) return;
    {
        const std::scoped_lock lock(instance_->mutex_);
        instance_->action_.clear();
    }
    instance_->changed_.notify_all();
}

} // namespace instance
