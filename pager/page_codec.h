// PageCodec: pages as they lie in the file. Each carries a checksum of its bytes there;
// in an encrypted database they are sealed before it is taken, from the kind's fields on,
// with the header before the checksum's end and the nonce authenticated beside them. So
// rot is told from a wrong key or a forgery, and can be looked for without a key.
//
// Thread-safe.
#ifndef PAGER_PAGE_CODEC_H_
#define PAGER_PAGE_CODEC_H_
#include <cstddef>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "pager/file_keys.h"
#include "pager/page.h"

namespace sheaf::pager {

class PageCodec {
 public:
  // Until it is given keys the database is a plain one. Before anybody else uses it.
  void set_keys(std::unique_ptr<FileKeys> keys) { keys_ = std::move(keys); }
  FileKeys* keys() const { return keys_.get(); }

  // Makes of a page's image what goes to the file, in place.
  absl::Status Seal(char* page, size_t bytes) const;
  // Makes of what came from the file the page that `ref` means, in place. kDataLoss,
  // naming page and field, when it is not; without the checksum what an encrypted page
  // says is authentic all the same, and that of a plain one is not verified.
  enum class Checksum { kVerify, kSkip };
  absl::Status Open(char* page, size_t bytes, const PageRef& ref,
                    Checksum checksum = Checksum::kVerify) const;

 private:
  std::unique_ptr<FileKeys> keys_;
};

// Of a database without keys.
const PageCodec& PlainCodec();

}  // namespace sheaf::pager
#endif  // PAGER_PAGE_CODEC_H_
