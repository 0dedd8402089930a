#pragma once
// The targets that have files of their own, by room. Caller: targets.cpp, whose table has all.

#include <string_view>

namespace fuzz {

void client_multipart(std::string_view input);
void client_yaml(std::string_view input);
void device_options(std::string_view input);
void files_request(std::string_view input);
void frames(std::string_view input);
void id_maps(std::string_view input);
void instance_config(std::string_view input);
void intercepted_calls(std::string_view input);
void key_values(std::string_view input);
void raw_lxc(std::string_view input);
void schedules(std::string_view input);
void seccomp_rules(std::string_view input);
void sftp(std::string_view input);
void templates(std::string_view input);
void units(std::string_view input);

} // namespace fuzz
