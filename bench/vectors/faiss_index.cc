// FAISS: IndexHNSWFlat, and IndexHNSWSQ with a byte a component. All queries are handed
// over in one call, which it is quickest with, on as many OpenMP threads as are asked
// for.
//
// Debian's library is compiled for any x86-64, which nobody who wants speed would use:
// the distances, where its time goes, are ours here, compiled for this machine. Of unit
// vectors the order by L2 is that by cosine, and FAISS asks for inner products through a
// wrapper.
#include <faiss/IndexHNSW.h>
#include <faiss/index_io.h>
#include <omp.h>

#include <memory>
#include <vector>

#include "bench/engine.h"  // Require
#include "bench/vectors/exact.h"
#include "bench/vectors/index.h"
#include "bench/vectors/lanes.h"
#include "bench/vectors/sweep.h"

namespace sheaf::bench::vectors {
namespace {

using Id = faiss::Index::idx_t;

class FlatDistances final : public faiss::DistanceComputer {
 public:
  explicit FlatDistances(const faiss::IndexFlat& of)
      : vectors_(of.get_xb()), dimensions_(size_t(of.d)) {}
  void set_query(const float* query) override { query_ = query; }
  float operator()(Id id) override { return SquaredL2(query_, At(id), dimensions_); }
  float symmetric_dis(Id a, Id b) override {
    return SquaredL2(At(a), At(b), dimensions_);
  }

 private:
  const float* At(Id id) const { return vectors_ + size_t(id) * dimensions_; }
  const float* const vectors_;
  const size_t dimensions_;
  const float* query_ = nullptr;
};

// A component is low + (code + 0.5) / 255 * range, of each dimension its own. Dimensions
// are a multiple of kStep.
class ByteDistances final : public faiss::DistanceComputer {
 public:
  explicit ByteDistances(const faiss::IndexScalarQuantizer& of)
      : codes_(of.codes.data()),
        dimensions_(size_t(of.d)),
        low_(of.sq.trained.data()),
        steps_(dimensions_),
        query_(dimensions_) {
    Require(dimensions_ % kStep == 0, "faiss", "dimensions");
    for (size_t d = 0; d < dimensions_; ++d)
      steps_[d] = of.sq.trained[dimensions_ + d] / 255;
  }
  void set_query(const float* query) override {
    for (size_t d = 0; d < dimensions_; ++d)
      query_[d] = query[d] - low_[d] - 0.5f * steps_[d];
  }
  float operator()(Id id) override {
    const uint8_t* const code = At(id);
    return SumOfSquares([&](size_t d) {
      return Load(query_.data() + d) - Load(steps_.data() + d) * Load(code + d);
    });
  }
  float symmetric_dis(Id a, Id b) override {
    const uint8_t *const one = At(a), *const other = At(b);
    return SumOfSquares([&](size_t d) {
      return Load(steps_.data() + d) * (Load(one + d) - Load(other + d));
    });
  }

 private:
  template <typename DifferenceFn>
  float SumOfSquares(DifferenceFn difference) const {
    Lanes first{}, second{};
    for (size_t d = 0; d < dimensions_; d += kStep) {
      const Lanes one = difference(d), other = difference(d + kLanes);
      first += one * one, second += other * other;
    }
    return Sum(first + second);
  }
  const uint8_t* At(Id id) const { return codes_ + size_t(id) * dimensions_; }
  const uint8_t* const codes_;
  const size_t dimensions_;
  const float* const low_;
  std::vector<float> steps_, query_;
};

struct FlatStorage final : faiss::IndexFlat {
  using faiss::IndexFlat::IndexFlat;
  faiss::DistanceComputer* get_distance_computer() const override {
    return new FlatDistances(*this);
  }
};
struct ByteStorage final : faiss::IndexScalarQuantizer {
  using faiss::IndexScalarQuantizer::IndexScalarQuantizer;
  faiss::DistanceComputer* get_distance_computer() const override {
    return new ByteDistances(*this);
  }
};

// Gives an index our distances; what it holds stays.
void ReplaceStorage(faiss::IndexHNSW* index, FaissKind kind) {
  std::unique_ptr<faiss::IndexFlatCodes> mine;
  auto* const theirs = dynamic_cast<faiss::IndexFlatCodes*>(index->storage);
  Require(theirs != nullptr && theirs->metric_type == faiss::METRIC_L2, "faiss",
          "unknown storage");
  if (kind == FaissKind::kFlat) {
    mine = std::make_unique<FlatStorage>(Id{index->d});
  } else {
    auto bytes = std::make_unique<ByteStorage>(index->d, faiss::ScalarQuantizer::QT_8bit);
    bytes->sq = dynamic_cast<faiss::IndexScalarQuantizer&>(*theirs).sq;
    mine = std::move(bytes);
  }
  mine->is_trained = theirs->is_trained;
  mine->ntotal = theirs->ntotal;
  mine->codes.swap(theirs->codes);
  delete theirs;
  index->storage = mine.release();
}

class FaissIndex final : public Index {
 public:
  FaissIndex(const IndexOptions& options, FaissKind kind)
      : data_(*options.data), path_(options.dir + "/index.faiss"), kind_(kind) {}

  void Build(int threads, Figures& figures) override {
    const size_t count = data_.indexed.size();
    const auto dimensions = int(data_.indexed.dimensions);
    const double begin = Now();
    omp_set_num_threads(threads);
    if (kind_ == FaissKind::kFlat)
      index_ = std::make_unique<faiss::IndexHNSWFlat>(dimensions, int(kLinks));
    else
      index_ = std::make_unique<faiss::IndexHNSWSQ>(
          dimensions, faiss::ScalarQuantizer::QT_8bit, int(kLinks));
    ReplaceStorage(index_.get(), kind_);
    index_->hnsw.efConstruction = int(kBreadthOfConstruction);
    index_->train(Id(count), data_.indexed[0]);
    index_->add(Id(count), data_.indexed[0]);
    figures["build"] = double(count) / (Now() - begin);
    faiss::write_index(index_.get(), path_.c_str());
    figures["build_to_file"] = double(count) / (Now() - begin);
  }
  void Open() override {
    std::unique_ptr<faiss::Index> read(faiss::read_index(path_.c_str()));
    index_.reset(dynamic_cast<faiss::IndexHNSW*>(read.get()));
    Require(index_ != nullptr, "faiss", "another index");
    read.release();
    ReplaceStorage(index_.get(), kind_);
  }
  void Search(const Vectors& queries, uint32_t breadth, int threads,
              Found* found) override {
    omp_set_num_threads(threads);
    index_->hnsw.efSearch = int(breadth);
    distances_.resize(found->size());
    ids_.resize(found->size());
    index_->search(Id(found->size() / kNeighbours), queries[0], kNeighbours,
                   distances_.data(), ids_.data());
    for (size_t i = 0; i < ids_.size(); ++i) (*found)[i] = uint32_t(ids_[i]);
  }
  void Add(size_t begin, size_t end, int threads) override {
    omp_set_num_threads(threads);
    index_->add(Id(end - begin), data_.late[begin]);
  }

 private:
  const Dataset& data_;
  const std::string path_;
  const FaissKind kind_;
  std::unique_ptr<faiss::IndexHNSW> index_;
  std::vector<float> distances_;
  std::vector<Id> ids_;
};

}  // namespace

std::unique_ptr<Index> NewFaissIndex(const IndexOptions& options, FaissKind kind) {
  return std::make_unique<FaissIndex>(options, kind);
}

}  // namespace sheaf::bench::vectors
