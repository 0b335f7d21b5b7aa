// A table of C++ keys and values: temperatures by place and time. The order of the
// table is that of the keys, so what belongs together is read together.
#include <sheaf/sheaf.h>

#include <cstdint>
#include <iostream>
#include <string>
#include <tuple>

using Moment = std::tuple<std::string, int64_t>;  // place, minute

absl::Status Run() {
  SHEAF_ASSIGN_OR_RETURN(auto db, sheaf::Database::Open("weather.sheaf"));
  SHEAF_RETURN_IF_ERROR(db->Write([](sheaf::WriteTransaction& txn) -> absl::Status {
    SHEAF_ASSIGN_OR_RETURN(auto weather,
                           (sheaf::OpenTyped<Moment, double>(txn, "weather")));
    for (int64_t minute = -60; minute <= 60; minute += 30) {
      SHEAF_RETURN_IF_ERROR(
          weather.Put({"oslo", minute}, 3.5 + static_cast<double>(minute) / 60));
      SHEAF_RETURN_IF_ERROR(weather.Put({"rome", minute}, 18.0));
    }
    return weather.Update({"rome", 0}, [](std::optional<double> old) {
      return std::optional<double>(old.value_or(0) + 0.5);
    });
  }));

  const sheaf::ReadTransaction read = db->BeginRead();
  SHEAF_ASSIGN_OR_RETURN(const auto weather,
                         (sheaf::OpenTyped<Moment, double>(read, "weather")));
  SHEAF_ASSIGN_OR_RETURN(const double noon, weather.Get({"rome", 0}));
  std::cout << "rome, minute 0: " << noon << "\n";
  // Everything of one place, and of one place from some minute on.
  SHEAF_RETURN_IF_ERROR(weather.ForEach(
      weather.Prefix(std::string("oslo")), [](const Moment& moment, double degrees) {
        std::cout << "oslo, minute " << std::get<1>(moment) << ": " << degrees << "\n";
      }));
  SHEAF_ASSIGN_OR_RETURN(const uint64_t later,
                         weather.Count(weather.Between({"oslo", 1}, {"oslo", 1000})));
  std::cout << later << " later than minute 0\n";
  // The types are kept with the table: nobody reads it as something else.
  std::cout << sheaf::OpenTyped<std::string, double>(read, "weather").status().message()
            << "\n";
  return absl::OkStatus();
}

int main() {
  const absl::Status status = Run();
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
