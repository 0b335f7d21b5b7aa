// TypedCollection: a collection whose documents are a C++ struct.
//
//   struct Author { std::string name; std::optional<int> born; };
//   SHEAF_DOCUMENT(Author, 1, name, born)
//   struct Book { std::string title; Author author; int64_t year = 0; std::vector<std::string> tags; };
//   SHEAF_DOCUMENT(Book, 2, title, author, year, tags)      // in the struct's namespace
//
//   SHEAF_ASSIGN_OR_RETURN(auto books, TypedCollection<Book>::Open(txn, "books"));
//   SHEAF_RETURN_IF_ERROR(books.Put("malte", book));
//
// A struct is an object with a field for each member. Members are bool, integers, float,
// double, std::string, absl::Time, Uuid, enums (as integers), std::vector<uint8_t> (bytes),
// std::vector<float> (a vector), std::optional (left out when it is empty), std::vector,
// std::map with text keys, structs declared so, and Document (anything). Fields of a
// document that the struct does not have are lost when it is written.
//
// Versions. A document says in its field "_v" which version of the struct wrote it; 1 is
// not written. An older one is migrated when it is read: fields it lacks keep what the
// struct is made with, and then, if there is one, this is called, where the struct is:
//   absl::Status SheafMigrate(Book& book, uint32_t from, const sheaf::DocumentView& old);
// It is stored so when it is put next. A newer one is refused: kUnimplemented.
//
// Indexes. If there is this, where the struct is, Open for writing makes those that are
// missing, and drops those that differ or are not among them:
//   std::vector<sheaf::IndexDefinition> SheafIndexes(const Book*);
#ifndef SHEAF_TYPED_COLLECTION_H_
#define SHEAF_TYPED_COLLECTION_H_
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "sheaf/collection.h"
#include "sheaf/document.h"
#include "sheaf/status_macros.h"
#include "sheaf/transaction.h"

// Each of up to 64 names.
#define SHEAF_INTERNAL_PARENS ()
#define SHEAF_INTERNAL_EXPAND(...) \
  SHEAF_INTERNAL_EXPAND3(SHEAF_INTERNAL_EXPAND3(SHEAF_INTERNAL_EXPAND3(__VA_ARGS__)))
#define SHEAF_INTERNAL_EXPAND3(...) \
  SHEAF_INTERNAL_EXPAND2(SHEAF_INTERNAL_EXPAND2(SHEAF_INTERNAL_EXPAND2(__VA_ARGS__)))
#define SHEAF_INTERNAL_EXPAND2(...) \
  SHEAF_INTERNAL_EXPAND1(SHEAF_INTERNAL_EXPAND1(SHEAF_INTERNAL_EXPAND1(__VA_ARGS__)))
#define SHEAF_INTERNAL_EXPAND1(...) __VA_ARGS__
#define SHEAF_INTERNAL_EACH(macro, ...) \
  __VA_OPT__(SHEAF_INTERNAL_EXPAND(SHEAF_INTERNAL_EACH_AGAIN(macro, __VA_ARGS__)))
#define SHEAF_INTERNAL_EACH_AGAIN(macro, first, ...) \
  macro(first)                                       \
      __VA_OPT__(SHEAF_INTERNAL_EACH_MORE SHEAF_INTERNAL_PARENS(macro, __VA_ARGS__))
#define SHEAF_INTERNAL_EACH_MORE() SHEAF_INTERNAL_EACH_AGAIN
#define SHEAF_INTERNAL_VISIT(member) visit(#member, document.member);

#define SHEAF_DOCUMENT(Type, version, ...)                           \
  inline constexpr uint32_t SheafDocumentVersion(const Type*) {      \
    static_assert((version) >= 1);                                   \
    return version;                                                  \
  }                                                                  \
  template <class SheafVisitor, class SheafType>                     \
  requires std::same_as<std::remove_const_t<SheafType>, Type>        \
  void SheafVisitFields(SheafVisitor&& visit, SheafType& document) { \
    SHEAF_INTERNAL_EACH(SHEAF_INTERNAL_VISIT, __VA_ARGS__)           \
  }

namespace sheaf {

template <class T>
concept DocumentStruct = requires(const T* t) {
  { SheafDocumentVersion(t) } -> std::convertible_to<uint32_t>;
};

namespace internal {

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};
template <class T>
struct IsTextMap : std::false_type {};
template <class T>
struct IsTextMap<std::map<std::string, T>> : std::true_type {};

inline constexpr std::string_view kVersionField = "_v";

template <class T>
void WriteStruct(const T& value, uint32_t version, document::Writer* out);

template <class T>
void WriteValue(const T& value, document::Writer* out) {
  if constexpr (std::same_as<T, bool>) {
    out->Bool(value);
  } else if constexpr (std::is_enum_v<T>) {
    WriteValue(static_cast<std::underlying_type_t<T>>(value), out);
  } else if constexpr (std::unsigned_integral<T>) {
    out->Uint(value);
  } else if constexpr (std::signed_integral<T>) {
    out->Int(value);
  } else if constexpr (std::floating_point<T>) {
    out->Double(value);
  } else if constexpr (std::same_as<T, std::string>) {
    out->String(value);
  } else if constexpr (std::same_as<T, absl::Time>) {
    out->Timestamp(absl::ToUnixMicros(value));
  } else if constexpr (std::same_as<T, Uuid>) {
    out->Bytes({reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size()});
  } else if constexpr (std::same_as<T, std::vector<uint8_t>>) {
    out->Bytes({reinterpret_cast<const char*>(value.data()), value.size()});
  } else if constexpr (std::same_as<T, Document>) {
    out->Copy(value.root());
  } else if constexpr (IsOptional<T>::value) {
    value.has_value() ? WriteValue(*value, out) : out->Null();
  } else if constexpr (IsVector<T>::value) {
    if constexpr (std::same_as<T, std::vector<float>>)
      if (!value.empty()) return out->Vector(value);
    out->BeginArray();
    for (const auto& element : value) WriteValue<typename T::value_type>(element, out);
    out->End();
  } else if constexpr (IsTextMap<T>::value) {
    out->BeginObject();
    for (const auto& [name, element] : value) {
      out->Name(name);
      WriteValue(element, out);
    }
    out->End();
  } else {
    static_assert(DocumentStruct<T>, "a member of a type that no document can hold");
    WriteStruct(value, 1, out);
  }
}

template <class T>
void WriteStruct(const T& value, uint32_t version, document::Writer* out) {
  out->BeginObject();
  if (version != 1) {
    out->Name(kVersionField);
    out->Uint(version);
  }
  SheafVisitFields(
      [out]<class M>(const char* name, const M& member) {
        if constexpr (IsOptional<M>::value)
          if (!member.has_value()) return;
        out->Name(name);
        WriteValue(member, out);
      },
      value);
  out->End();
}

inline absl::Status WrongKind(std::string_view wanted, const DocumentView& found) {
  const absl::StatusOr<std::string> json = ToJson(found);
  std::string shown = json.ok() ? *json : "a damaged value";
  if (shown.size() > 40) shown = shown.substr(0, 37) + "...";
  return absl::FailedPreconditionError(
      absl::StrCat("expected ", std::string(wanted), ", found ", shown));
}

template <class T>
absl::Status ReadStruct(const DocumentView& view, T* out);
template <class T>
absl::Status ReadValue(const DocumentView& view, T* out);

template <std::floating_point T>
bool Fits(double value) {
  return !std::isfinite(value) ||
         std::abs(value) <= static_cast<double>(std::numeric_limits<T>::max());
}

template <class T>
absl::Status ReadInteger(const DocumentView& view, T* out) {
  if (view.kind() == DocumentKind::kInt && std::in_range<T>(view.int_value())) {
    *out = static_cast<T>(view.int_value());
    return absl::OkStatus();
  }
  if (view.kind() == DocumentKind::kUint && std::in_range<T>(view.uint_value())) {
    *out = static_cast<T>(view.uint_value());
    return absl::OkStatus();
  }
  return WrongKind(absl::StrCat("an integer from ", +std::numeric_limits<T>::min(),
                                " to ", +std::numeric_limits<T>::max()),
                   view);
}

template <class T>
absl::Status ReadList(const DocumentView& view, std::vector<T>* out) {
  out->clear();
  if constexpr (std::same_as<T, float>) {
    if (view.kind() == DocumentKind::kVector) {
      *out = view.vector_value();
      return absl::OkStatus();
    }
  }
  if (view.kind() != DocumentKind::kArray) return WrongKind("an array", view);
  for (document::ArrayCursor c = view.elements(); c.Valid(); c.Next()) {
    T element{};
    SHEAF_RETURN_IF_ERROR(ReadValue(c.value(), &element));
    out->push_back(std::move(element));
  }
  return absl::OkStatus();
}

template <class T>
absl::Status ReadValue(const DocumentView& view, T* out) {
  const DocumentKind kind = view.kind();
  if constexpr (std::same_as<T, bool>) {
    if (kind != DocumentKind::kBool) return WrongKind("true or false", view);
    *out = view.bool_value();
  } else if constexpr (std::is_enum_v<T>) {
    std::underlying_type_t<T> number{};
    SHEAF_RETURN_IF_ERROR(ReadInteger(view, &number));
    *out = static_cast<T>(number);
  } else if constexpr (std::integral<T>) {
    return ReadInteger(view, out);
  } else if constexpr (std::floating_point<T>) {
    if (kind == DocumentKind::kInt)
      *out = static_cast<T>(view.int_value());
    else if (kind == DocumentKind::kUint)
      *out = static_cast<T>(view.uint_value());
    else if (kind == DocumentKind::kDouble && Fits<T>(view.double_value()))
      *out = static_cast<T>(view.double_value());
    else
      return WrongKind("a number in its range", view);
  } else if constexpr (std::same_as<T, std::string>) {
    if (kind != DocumentKind::kString) return WrongKind("a string", view);
    *out = std::string(view.string_value());
  } else if constexpr (std::same_as<T, absl::Time>) {
    if (kind != DocumentKind::kTimestamp) return WrongKind("a timestamp", view);
    *out = absl::FromUnixMicros(view.timestamp_micros());
  } else if constexpr (std::same_as<T, Uuid>) {
    if (kind != DocumentKind::kBytes || view.bytes_value().size() != out->bytes.size())
      return WrongKind("16 bytes of a UUID", view);
    std::copy(view.bytes_value().begin(), view.bytes_value().end(), out->bytes.begin());
  } else if constexpr (std::same_as<T, std::vector<uint8_t>>) {
    if (kind != DocumentKind::kBytes) return WrongKind("bytes", view);
    out->assign(view.bytes_value().begin(), view.bytes_value().end());
  } else if constexpr (std::same_as<T, Document>) {
    DocumentBuilder copy;
    copy->Copy(view);
    SHEAF_ASSIGN_OR_RETURN(*out, copy.Build());
  } else if constexpr (IsOptional<T>::value) {
    out->reset();
    if (kind == DocumentKind::kNull) return absl::OkStatus();
    return ReadValue(view, &out->emplace());
  } else if constexpr (IsVector<T>::value) {
    return ReadList(view, out);
  } else if constexpr (IsTextMap<T>::value) {
    out->clear();
    if (kind != DocumentKind::kObject) return WrongKind("an object", view);
    for (document::ObjectCursor c = view.fields(); c.Valid(); c.Next())
      SHEAF_RETURN_IF_ERROR(ReadValue(c.value(), &(*out)[std::string(c.name())]));
  } else {
    static_assert(DocumentStruct<T>, "a member of a type that no document can hold");
    return ReadStruct(view, out);
  }
  return absl::OkStatus();
}

template <class T>
absl::Status ReadStruct(const DocumentView& view, T* out) {
  if (view.kind() != DocumentKind::kObject) return WrongKind("an object", view);
  absl::Status status;
  SheafVisitFields(
      [&]<class M>(const char* name, M& member) {
        if (!status.ok()) return;
        const std::optional<DocumentView> field = view.Field(name);
        if (!field.has_value()) return;  // it keeps what it is made with
        status = ReadValue(*field, &member);
        if (!status.ok())
          status =
              absl::Status(status.code(), absl::StrCat(name, ": ", status.message()));
      },
      *out);
  return status;
}

}  // namespace internal

// kInvalidArgument: what no document can hold, as text that is no UTF-8.
template <DocumentStruct T>
absl::StatusOr<Document> ToDocument(const T& value) {
  DocumentBuilder builder;
  internal::WriteStruct(value, SheafDocumentVersion(&value), builder.operator->());
  return builder.Build();
}

// kFailedPrecondition names the field that does not fit its member; kUnimplemented: it is
// of a newer version.
template <DocumentStruct T>
absl::StatusOr<T> FromDocument(const DocumentView& view) {
  T value{};
  const uint32_t version = SheafDocumentVersion(&value);
  uint32_t stored = 1;
  if (const std::optional<DocumentView> field = view.Field(internal::kVersionField))
    SHEAF_RETURN_IF_ERROR(internal::ReadInteger(*field, &stored));
  if (stored > version)
    return absl::UnimplementedError(
        absl::StrCat("the document is of version ", stored, ", this program knows ",
                     version, " and older ones; it takes a newer program"));
  SHEAF_RETURN_IF_ERROR(internal::ReadStruct(view, &value));
  if constexpr (requires(T & t) { SheafMigrate(t, stored, view); }) {
    if (stored < version) SHEAF_RETURN_IF_ERROR(SheafMigrate(value, stored, view));
  }
  return value;
}

template <DocumentStruct T>
class TypedCollectionReader {
 public:
  TypedCollectionReader() = default;
  static absl::StatusOr<TypedCollectionReader> Open(const ReadTransaction& txn,
                                                    std::string_view name) {
    SHEAF_ASSIGN_OR_RETURN(CollectionReader reader, txn.collection(name));
    return TypedCollectionReader(std::move(reader));
  }

  absl::StatusOr<T> Get(const DocumentKey& key) const {  // kNotFound
    SHEAF_ASSIGN_OR_RETURN(const Document document, reader_.GetDocument(key));
    return Read(key, document.root());
  }
  absl::StatusOr<std::optional<T>> Find(const DocumentKey& key) const {
    SHEAF_ASSIGN_OR_RETURN(const std::optional<Document> document,
                           reader_.FindDocument(key));
    if (!document.has_value()) return std::optional<T>();
    SHEAF_ASSIGN_OR_RETURN(T value, Read(key, document->root()));
    return std::optional<T>(std::move(value));
  }
  // Those that a filter means, until `fn` returns false: see <sheaf/query.h>.
  using Fn = absl::FunctionRef<bool(const DocumentKey& key, const T& value)>;
  absl::Status ForEach(std::string_view filter, Fn fn,
                       const QueryOptions& options = {}) const {
    if (!options.project.empty())
      return absl::InvalidArgumentError("project: a struct is read whole");
    SHEAF_ASSIGN_OR_RETURN(DocumentCursor cursor, reader_.Query(filter, options));
    while (cursor.Next()) {
      SHEAF_ASSIGN_OR_RETURN(const T value, Read(cursor.key(), cursor.document()));
      if (!fn(cursor.key(), value)) break;
    }
    return cursor.status();
  }
  const CollectionReader& documents() const { return reader_; }

 private:
  template <DocumentStruct U>
  friend class TypedCollection;
  explicit TypedCollectionReader(CollectionReader reader) : reader_(std::move(reader)) {}
  absl::StatusOr<T> Read(const DocumentKey& key, const DocumentView& view) const {
    absl::StatusOr<T> value = FromDocument<T>(view);
    if (value.ok()) return value;
    return absl::Status(value.status().code(),
                        absl::StrCat(reader_.name(), ": ", key.ToString(), ": ",
                                     value.status().message()));
  }
  CollectionReader reader_;
};

template <DocumentStruct T>
class TypedCollection : public TypedCollectionReader<T> {
 public:
  TypedCollection() = default;
  // Makes the collection if need be, and its indexes what SheafIndexes says.
  static absl::StatusOr<TypedCollection> Open(WriteTransaction& txn,
                                              std::string_view name) {
    SHEAF_ASSIGN_OR_RETURN(Collection collection, txn.collection(name));
    if constexpr (requires(const T* t) { SheafIndexes(t); })
      SHEAF_RETURN_IF_ERROR(
          Reconcile(&collection, SheafIndexes(static_cast<const T*>(nullptr))));
    return TypedCollection(std::move(collection));
  }

  // `expiry`: expiry.h; not given: the collection's default, mostly none.
  absl::Status Put(const DocumentKey& key, const T& value,
                   const std::optional<Expiry>& expiry = {}) {  // upsert
    SHEAF_ASSIGN_OR_RETURN(const Document document, ToDocument(value));
    return collection_.Put(key, document, expiry);
  }
  absl::Status Insert(const DocumentKey& key, const T& value,
                      const std::optional<Expiry>& expiry = {}) {  // kAlreadyExists
    SHEAF_ASSIGN_OR_RETURN(const Document document, ToDocument(value));
    return collection_.Insert(key, document, expiry);
  }
  absl::StatusOr<int64_t> Append(const T& value) {
    SHEAF_ASSIGN_OR_RETURN(const Document document, ToDocument(value));
    return collection_.Append(document);
  }
  absl::StatusOr<Uuid> Add(const T& value) {
    SHEAF_ASSIGN_OR_RETURN(const Document document, ToDocument(value));
    return collection_.Add(document);
  }
  // Reads, changes, writes. kNotFound. An error of `fn` changes nothing.
  absl::Status Update(const DocumentKey& key,
                      absl::FunctionRef<absl::Status(T& value)> fn) {
    SHEAF_ASSIGN_OR_RETURN(T value, this->Get(key));
    SHEAF_RETURN_IF_ERROR(fn(value));
    return Rewrite(key, value);
  }
  absl::StatusOr<bool> Delete(const DocumentKey& key) { return collection_.Delete(key); }
  // Writes those of older versions as they are read. How many.
  absl::StatusOr<uint64_t> MigrateAll() {
    std::vector<DocumentKey> old;
    const uint32_t version = SheafDocumentVersion(static_cast<const T*>(nullptr));
    SHEAF_RETURN_IF_ERROR(collection_.ForEachDocument(
        {}, [&](const DocumentKey& key, const DocumentView& view) {
          const auto field = view.Field(internal::kVersionField);
          const bool is_current =
              field.has_value()
                  ? field->kind() == DocumentKind::kInt && field->int_value() == version
                  : version == 1;
          if (!is_current) old.push_back(key);
          return true;
        }));
    for (const DocumentKey& key : old) {
      SHEAF_ASSIGN_OR_RETURN(const T value, this->Get(key));
      SHEAF_RETURN_IF_ERROR(Rewrite(key, value));
    }
    return old.size();
  }
  Collection& collection() { return collection_; }

 private:
  explicit TypedCollection(Collection collection)
      : TypedCollectionReader<T>(collection), collection_(std::move(collection)) {}

  // Keeps the time to expire.
  absl::Status Rewrite(const DocumentKey& key, const T& value) {
    SHEAF_ASSIGN_OR_RETURN(const Document document, ToDocument(value));
    return collection_.Modify(
        key,
        [&](const std::optional<Document>&) -> absl::StatusOr<std::optional<Document>> {
          return document;
        });
  }

  static absl::Status Reconcile(Collection* collection,
                                std::vector<IndexDefinition> wanted) {
    for (IndexDefinition& definition : wanted)
      SHEAF_RETURN_IF_ERROR(definition.Complete());
    SHEAF_ASSIGN_OR_RETURN(const std::vector<IndexInfo> there, collection->Indexes());
    for (const IndexInfo& info : there) {
      bool stays = false;
      for (const IndexDefinition& definition : wanted)
        stays =
            stays || (definition == info.definition && info.state != IndexState::kFailed);
      if (!stays) SHEAF_RETURN_IF_ERROR(collection->DropIndex(info.definition.name));
    }
    for (const IndexDefinition& definition : wanted)
      SHEAF_RETURN_IF_ERROR(collection->CreateIndex(definition));
    return absl::OkStatus();
  }
  Collection collection_;
};

}  // namespace sheaf
#endif  // SHEAF_TYPED_COLLECTION_H_
