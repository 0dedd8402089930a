#include "schema/api_extensions.h"

#include <array>

namespace schema {

namespace {

constexpr std::array table{
    ApiExtension{"container_host_shutdown_timeout", "boot_keys_are_kept_and_checked"},
    ApiExtension{"container_stop_priority", "boot_keys_are_kept_and_checked"},
    ApiExtension{"container_syscall_filtering", "keys_refuse_system_calls"},
    ApiExtension{"container_last_used_at", "a_start_sets_last_used_at"},
    ApiExtension{"etag", "a_stale_if_match_changes_nothing"},
    ApiExtension{"patch", "a_patch_merges"},
    ApiExtension{"directory_manipulation", "directories_are_made_and_listed"},
    ApiExtension{"container_cpu_time", "state_counts_cpu_time"},
    ApiExtension{"profile_usedby", "used_by_lists_urls"},
    ApiExtension{"container_exec_recording", "what_a_command_prints_is_recorded"},
    ApiExtension{"container_exec_signal_handling", "a_signal_reaches_the_command"},
    ApiExtension{"container_image_properties", "image_properties_become_config"},
    ApiExtension{"id_map", "an_instance_has_ids_of_its_own"},
    ApiExtension{"storage", "a_pool_is_made_and_deleted"},
    ApiExtension{"file_delete", "a_file_is_deleted"},
    ApiExtension{"file_append", "a_write_can_append"},
    ApiExtension{"entity_description", "descriptions_are_kept"},
    ApiExtension{"file_symlinks", "a_symlink_is_made_and_read"},
    ApiExtension{"id_map_base", "an_instance_has_ids_of_its_own"},
    ApiExtension{"container_edit_metadata", "metadata_and_templates_can_be_edited"},
    ApiExtension{"resources", "the_hosts_hardware_is_described"},
    ApiExtension{"kernel_limits", "limits_and_parameters_of_the_kernel_are_given_at_the_start"},
    ApiExtension{"console", "the_console_is_attached_and_logged"},
    ApiExtension{"file_get_symlink", "a_symlink_is_made_and_read"},
    ApiExtension{"container_only_migration", "a_copy_is_made_without_snapshots"},
    ApiExtension{"operation_description", "operations_say_what_they_do"},
    ApiExtension{"event_lifecycle", "a_change_is_a_lifecycle_event"},
    ApiExtension{"container_backup", "backups_are_an_empty_list"},
    ApiExtension{"container_protection_delete", "a_protected_instance_is_not_deleted"},
    ApiExtension{"container_full", "recursion_2_has_state_and_snapshots"},
    ApiExtension{"resources_cpu_socket", "the_hosts_hardware_is_described"},
    ApiExtension{"container_protection_shift", "a_change_of_owners_can_be_refused"},
    ApiExtension{"resources_gpu", "the_hosts_hardware_is_described"},
    ApiExtension{"resources_numa", "the_hosts_hardware_is_described"},
    ApiExtension{"id_map_current", "an_instance_has_ids_of_its_own"},
    ApiExtension{"kernel_features", "the_environment_describes_the_host"},
    ApiExtension{"lxc_features", "the_environment_describes_the_host"},
    ApiExtension{"resources_v2", "the_hosts_hardware_is_described"},
    ApiExtension{"container_exec_user_group_cwd", "exec_takes_user_group_and_folder"},
    ApiExtension{"resources_infiniband", "the_hosts_hardware_is_described"},
    ApiExtension{"instances", "both_families_serve_instances"},
    ApiExtension{"image_types", "images_have_a_type"},
    ApiExtension{"resources_disk_sata", "the_hosts_hardware_is_described"},
    ApiExtension{"images_expiry", "an_images_expiry_can_be_edited"},
    ApiExtension{"resources_network_firmware", "the_hosts_hardware_is_described"},
    ApiExtension{"image_profiles", "an_image_brings_its_profiles"},
    ApiExtension{"resources_disk_id", "the_hosts_hardware_is_described"},
    ApiExtension{"api_filtering", "lists_can_be_filtered"},
    ApiExtension{"firewall_driver", "the_environment_describes_the_host"},
    ApiExtension{"limits_hugepages", "huge_pages_are_limited"},
    ApiExtension{"resources_usb_pci", "the_hosts_hardware_is_described"},
    ApiExtension{"resources_cpu_threads_numa", "the_hosts_hardware_is_described"},
    ApiExtension{"resources_cpu_core_die", "the_hosts_hardware_is_described"},
    ApiExtension{"api_os", "the_environment_describes_the_host"},
    ApiExtension{"resources_system", "the_hosts_hardware_is_described"},
    ApiExtension{"usedby_consistency", "used_by_lists_urls"},
    ApiExtension{"resources_gpu_mdev", "the_hosts_hardware_is_described"},
    ApiExtension{"resources_pci_iommu", "the_hosts_hardware_is_described"},
    ApiExtension{"resources_network_usb", "the_hosts_hardware_is_described"},
    ApiExtension{"resources_disk_address", "the_hosts_hardware_is_described"},
    ApiExtension{"server_instance_driver_operational", "the_environment_describes_the_host"},
    ApiExtension{"server_supported_storage_drivers", "the_environment_describes_the_host"},
    ApiExtension{"instance_bulk_state_change", "all_instances_change_state_at_once"},
    ApiExtension{"event_lifecycle_requestor_address", "a_change_is_a_lifecycle_event"},
    ApiExtension{"resources_gpu_usb", "the_hosts_hardware_is_described"},
    ApiExtension{"network_counters_errors_dropped", "state_counts_errors_and_drops"},
    ApiExtension{"linux_sysctl", "limits_and_parameters_of_the_kernel_are_given_at_the_start"},
    ApiExtension{"instance_all_projects", "all_projects_lists_every_instance"},
    ApiExtension{"instance_get_full", "recursion_1_on_one_instance_is_full"},
    ApiExtension{"event_project", "events_name_their_project"},
    ApiExtension{"instance_file_head", "head_tells_about_a_file"},
    ApiExtension{"resources_pci_vpd", "the_hosts_hardware_is_described"},
    ApiExtension{"numa_cpu_placement", "an_instance_stays_on_its_nodes"},
    ApiExtension{"container_syscall_filtering_allow_deny_syntax", "keys_refuse_system_calls"},
    ApiExtension{"instances_files_modify_permissions", "an_existing_file_gets_what_is_named"},
};

} // namespace

std::span<const ApiExtension> api_extensions() noexcept {
    return table;
}

} // namespace schema
