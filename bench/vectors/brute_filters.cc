// Every vector that matches is compared, where it lies in an array of all.
#include "bench/vectors/exact.h"
#include "bench/vectors/index.h"
#include "bench/vectors/sweep.h"

namespace sheaf::bench::vectors {

void MeasureBruteFilters(const IndexOptions& options, Figures& figures) {
  const Dataset& data = *options.data;
  for (const Truth& truth : data.filter_truths) {
    std::vector<uint32_t> ids;
    for (uint32_t id = 0; id < data.u.size(); ++id)
      if (data.u[id] < truth.bound) ids.push_back(id);
    Found found(kFilterQueries * kNeighbours);
    const double passes = CallsPerSecond(options.seconds, [&] {
      for (size_t q = 0; q < kFilterQueries; ++q)
        SearchAmong(data, ids, data.queries[q], found.data() + q * kNeighbours);
    });
    figures["filter_" + FilterName(truth)] = passes * double(kFilterQueries);
  }
}

}  // namespace sheaf::bench::vectors
