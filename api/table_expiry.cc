// What of tables has to do with expiry.
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/internal/handles.h"
#include "catalog/expiry.h"
#include "pager/status_macros.h"
#include "sheaf/table.h"

namespace sheaf {

using catalog::ExpiryChange;
using internal::CheckHandle;
using internal::CursorState;
using internal::TableState;

namespace {

constexpr int64_t kMicrosecondsMax = 253'402'300'800'000'000;  // the year 10000

absl::Status WrongExpiry(std::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("expiry: ", std::string(why)));
}

int64_t RoundUp(absl::Duration duration) {
  return absl::ToInt64Microseconds(absl::Ceil(duration, absl::Microseconds(1)));
}

}  // namespace

namespace internal {

absl::Status ToExpiryChange(const Expiry& expiry, int64_t now, ExpiryChange* change) {
  *change = {ExpiryChange::Kind::kSet, {}};
  switch (expiry.kind()) {
    case Expiry::Kind::kNever:
      change->kind = ExpiryChange::Kind::kNever;
      return absl::OkStatus();
    case Expiry::Kind::kAt: {
      const absl::Duration since = expiry.instant() - absl::UnixEpoch();
      if (since < absl::ZeroDuration() || since >= absl::Microseconds(kMicrosecondsMax))
        return WrongExpiry(absl::StrCat(absl::FormatTime(expiry.instant()),
                                        ": instants from 1970 to 9999 are allowed; what "
                                        "never expires is Expiry::Never()"));
      change->expiry.at = RoundUp(since);
      return absl::OkStatus();
    }
    case Expiry::Kind::kAfter:
    case Expiry::Kind::kSliding:
      break;
  }
  const absl::Duration duration = expiry.duration();
  if (duration <= absl::ZeroDuration() || duration > Expiry::DurationMax())
    return WrongExpiry(
        absl::StrCat(absl::FormatDuration(duration),
                     ": more than zero and up to 1,000 years are allowed"));
  const int64_t after = RoundUp(duration);
  change->expiry = {now + after, expiry.kind() == Expiry::Kind::kSliding ? after : 0};
  return absl::OkStatus();
}

absl::StatusOr<ExpiryChange> TableState::ToChange(const Expiry& expiry) const {
  ExpiryChange change;
  const int64_t now = open != nullptr ? txn->write->now() : txn->snapshot->now();
  SHEAF_RETURN_IF_ERROR(ToExpiryChange(expiry, now, &change));
  return change;
}

absl::StatusOr<uint64_t> TableState::HiddenIn(std::string_view from,
                                              const std::string* to) const {
  if (!tree().expires) [[likely]]
    return 0;
  SHEAF_ASSIGN_OR_RETURN(catalog::Expiries* const expiries, Expiries());
  return expiries->HiddenIn(from, to);
}

absl::StatusOr<Expiry> DefaultExpiryOf(const TableState& tree) {
  SHEAF_ASSIGN_OR_RETURN(catalog::Expiries* const expiries, tree.Expiries());
  if (expiries == nullptr) return Expiry::Never();
  SHEAF_ASSIGN_OR_RETURN(const auto usual, expiries->Default());
  if (!usual.has_value()) return Expiry::Never();
  const absl::Duration after = absl::Microseconds(usual->after);
  return usual->slides ? Expiry::Sliding(after) : Expiry::After(after);
}

absl::Status SetDefaultExpiryOf(const TableState& tree, const Expiry& expiry) {
  if (expiry.kind() == Expiry::Kind::kAt)
    return WrongExpiry("a default is a duration, or Expiry::Never()");
  SHEAF_ASSIGN_OR_RETURN(const ExpiryChange change, tree.ToChange(expiry));
  if (change.kind == ExpiryChange::Kind::kNever) {
    SHEAF_ASSIGN_OR_RETURN(catalog::Expiries* const there, tree.Expiries());
    return there == nullptr ? absl::OkStatus() : there->SetDefault(std::nullopt);
  }
  SHEAF_ASSIGN_OR_RETURN(catalog::Expiries* const expiries, tree.open->MakeExpiries());
  return expiries->SetDefault(catalog::DefaultExpiry{change.expiry.at - expiries->now(),
                                                     change.expiry.sliding > 0});
}

bool CursorState::SkipHidden(Direction direction) {
  for (;;) {
    const absl::StatusOr<bool> hidden = table->IsHidden(cursor->key());
    if (!hidden.ok()) {
      cursor->Fail(hidden.status());
      return false;
    }
    if (!*hidden) return true;
    if (!(direction == Direction::kUp ? cursor->Next() : cursor->Prev())) return false;
  }
}

}  // namespace internal

// --- TableReader --------------------------------------------------------------

absl::StatusOr<absl::Time> TableReader::ExpiresAt(std::string_view key) const {
  SHEAF_ASSIGN_OR_RETURN(const bool there, Contains(key));
  if (!there) return absl::NotFoundError(absl::StrCat(state_->name, ": no such key"));
  SHEAF_ASSIGN_OR_RETURN(catalog::Expiries* const expiries, state_->Expiries());
  if (expiries == nullptr) return absl::InfiniteFuture();
  SHEAF_ASSIGN_OR_RETURN(const auto expiry, expiries->Find(key));
  return expiry.has_value() ? absl::FromUnixMicros(expiry->at) : absl::InfiniteFuture();
}

absl::StatusOr<Expiry> TableReader::DefaultExpiry() const {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  return internal::DefaultExpiryOf(*state_);
}

// --- Table --------------------------------------------------------------------

absl::Status Table::Put(std::string_view key, std::string_view value,
                        const Expiry& expiry) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const ExpiryChange change, state_->ToChange(expiry));
  return state_->open->PutExpiring(key, value, change);
}

absl::Status Table::Insert(std::string_view key, std::string_view value,
                           const Expiry& expiry) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const ExpiryChange change, state_->ToChange(expiry));
  SHEAF_ASSIGN_OR_RETURN(const bool there, Contains(key));
  if (there)
    return absl::AlreadyExistsError(
        absl::StrCat(state_->name, ": the key exists already"));
  return state_->open->PutExpiring(key, value, change);
}

absl::Status Table::SetExpiry(std::string_view key, const Expiry& expiry) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(const ExpiryChange change, state_->ToChange(expiry));
  SHEAF_ASSIGN_OR_RETURN(const bool there, Contains(key));
  if (!there) return absl::NotFoundError(absl::StrCat(state_->name, ": no such key"));
  SHEAF_RETURN_IF_ERROR(state_->open->CheckExpiry(key, change));
  return state_->open->ChangeExpiry(key, change);
}

absl::StatusOr<bool> Table::Touch(std::string_view key) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  SHEAF_ASSIGN_OR_RETURN(catalog::Expiries* const expiries, state_->Expiries());
  return expiries == nullptr ? false : expiries->Touch(key);
}

absl::Status Table::SetDefaultExpiry(const Expiry& expiry) {
  SHEAF_RETURN_IF_ERROR(CheckHandle(state_.get()));
  return internal::SetDefaultExpiryOf(*state_, expiry);
}

}  // namespace sheaf
