// The second translation unit of end_of_day: the header's functions must not collide.
#include <cstdlib>
#include <ovo_ptp.hpp>

ovo::Config sandbox(const char* journal) {
  const auto setting = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  };
  ovo::Config config;
  config.environment(setting("SANDBOX_URL"))
      .credentials_from_environment()
      .journal(journal)
      .trust_file(setting("SANDBOX_CA"))
      .time_scale(std::atof(setting("SANDBOX_TIME_SCALE").c_str()));
  return config;
}
