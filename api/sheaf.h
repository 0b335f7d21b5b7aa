// All of Sheaf: include this one.
#ifndef SHEAF_SHEAF_H_
#define SHEAF_SHEAF_H_
#include "sheaf/backup.h"
#include "sheaf/collection.h"
#include "sheaf/database.h"
#include "sheaf/document.h"
#include "sheaf/document_key.h"
#include "sheaf/encryption_key.h"
#include "sheaf/index.h"
#include "sheaf/key.h"
#include "sheaf/observer.h"
#include "sheaf/options.h"
#include "sheaf/query.h"
#include "sheaf/salvage.h"
#include "sheaf/scrubber.h"
#include "sheaf/status_macros.h"
#include "sheaf/table.h"
#include "sheaf/transaction.h"
#include "sheaf/typed_table.h"
#include "sheaf/value.h"
#include "sheaf/version.h"
#include "sheaf/where.h"
#endif  // SHEAF_SHEAF_H_
