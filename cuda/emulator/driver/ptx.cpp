// A parser of the outlines of PTX (the PTX ISA's "State Spaces, Types, and Variables" and "Directives").

#include "ptx.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>

#include "types.h"

namespace emulator {

namespace {

constexpr int kNewestVersion = 90;  // of CUDA 13.0

struct Failure {
  Result code;
  std::string text;
};

// Bytes of a value of a fundamental type; 0 if it is none.
uint32_t size_of(const std::string& type) {
  static const std::map<std::string, uint32_t> sizes = {
      {".b8", 1},  {".u8", 1},  {".s8", 1},  {".b16", 2}, {".u16", 2},   {".s16", 2},   {".f16", 2},
      {".b32", 4}, {".u32", 4}, {".s32", 4}, {".f32", 4}, {".bf16", 2},  {".f16x2", 4}, {".bf16x2", 4},
      {".b64", 8}, {".u64", 8}, {".s64", 8}, {".f64", 8}, {".b128", 16},
  };
  const auto at = sizes.find(type);
  return at == sizes.end() ? 0 : at->second;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_' || c == '$' || c == '%'; }

struct Variable {
  std::string name;
  std::string type;
  uint32_t size = 0;
  uint32_t align = 1;
};

class Parser {
 public:
  Parser(const std::string& text, int capability, PtxModule* module) : text_(text), capability_(capability), module_(module) { next(); }

  void parse() {
    header();
    while (!token_.empty()) {
      if (token_ == ".entry") {
        entry();
      } else if (token_ == ".shared" && !after_extern_) {
        next();
        const Variable shared = variable();
        module_shared_[shared.name] = shared;
      } else if (token_ == "{") {
        block(nullptr);
      } else {
        // ".extern .shared" declares the dynamic part, whose size the launch gives.
        if (token_ == ".extern") after_extern_ = true;
        if (token_ == ";") after_extern_ = false;
        next();
      }
    }
  }

 private:
  [[noreturn]] void fail(Result code, const std::string& what) { throw Failure{code, text("line %d: %s", line_, what.c_str())}; }
  std::string found() const { return token_.empty() ? "the end of the text" : "'" + token_.substr(0, 40) + "'"; }

  void skip_blanks() {
    while (at_ < text_.size()) {
      if (text_[at_] == '\n') line_++;
      if (std::isspace(static_cast<unsigned char>(text_[at_]))) {
        at_++;
      } else if (text_.compare(at_, 2, "//") == 0) {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (text_.compare(at_, 2, "/*") == 0) {
        const size_t end = std::min(text_.find("*/", at_ + 2), text_.size());
        line_ += static_cast<int>(std::count(text_.begin() + at_, text_.begin() + end, '\n'));
        at_ = std::min(end + 2, text_.size());
      } else {
        return;
      }
    }
  }

  // The next token: a word, a directive with its dot, a number, a quoted string, or one character; empty at the end.
  void next() {
    skip_blanks();
    const size_t begin = at_;
    if (begin >= text_.size()) {
      token_.clear();
      return;
    }
    const auto word = [this](size_t i) { return i < text_.size() && (is_letter(text_[i]) || is_digit(text_[i])); };
    const bool number = is_digit(text_[begin]);
    at_++;
    if (text_[begin] == '"') {
      while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\n') at_++;
      at_ = std::min(at_ + 1, text_.size());
    } else if (word(begin) || text_[begin] == '.') {
      while (word(at_) || (number && at_ < text_.size() && text_[at_] == '.')) at_++;
    }
    token_ = text_.substr(begin, at_ - begin);
  }

  std::string take() {
    std::string token = token_;
    next();
    return token;
  }

  bool take_if(const char* token) {
    if (token_ != token) return false;
    next();
    return true;
  }

  void expect(const char* token, const char* where) {
    if (!take_if(token)) fail(INVALID_PTX, text("expected '%s' %s, found %s", token, where, found().c_str()));
  }

  std::string name(const char* of) {
    if (token_.empty() || !is_letter(token_[0])) fail(INVALID_PTX, text("expected the name of %s, found %s", of, found().c_str()));
    return take();
  }

  uint32_t number(const char* of) {
    char* end = nullptr;
    const unsigned long value = std::strtoul(token_.c_str(), &end, 0);
    if (token_.empty() || !is_digit(token_[0]) || *end != 0 || value > 0x7fffffff) {
      fail(INVALID_PTX, text("expected a number for %s, found %s", of, found().c_str()));
    }
    next();
    return static_cast<uint32_t>(value);
  }

  void header() {
    if (token_ != ".version") {
      fail(INVALID_PTX, "a PTX module begins with .version, found " + found() + "; hand over the text that nvcc -ptx writes");
    }
    next();
    int major = 0, minor = 0;
    char rest = 0;
    if (std::sscanf(token_.c_str(), "%d.%d%c", &major, &minor, &rest) != 2 || minor > 9) {
      fail(INVALID_PTX, "expected a version such as 7.8 after .version, found " + found());
    }
    module_->version = 10 * major + minor;
    if (module_->version > kNewestVersion) {
      fail(UNSUPPORTED_PTX_VERSION, text(".version %s is newer than %d.%d, the newest that this driver takes; lower the version",
                                         token_.c_str(), kNewestVersion / 10, kNewestVersion % 10));
    }
    next();
    expect(".target", "after .version");
    target();
    while (take_if(",")) next();  // texmode_..., debug
    if (take_if(".address_size") && number(".address_size") != 64) fail(INVALID_PTX, "only modules of .address_size 64 can be loaded");
  }

  void target() {
    int number = 0;
    char suffix = 0, rest = 0;
    const int fields = std::sscanf(token_.c_str(), "sm_%d%c%c", &number, &suffix, &rest);
    if (fields < 1 || fields > 2 || (fields == 2 && suffix != 'a' && suffix != 'f')) {
      fail(INVALID_PTX, "expected an architecture such as sm_80 after .target, found " + found());
    }
    // sm_90a runs on 9.0 alone, sm_100f on the cards of its major number, and a plain one on every later card.
    const bool fits = suffix == 'a'   ? number == capability_
                      : suffix == 'f' ? number / 10 == capability_ / 10 && number <= capability_
                                      : number <= capability_;
    if (!fits) {
      fail(INVALID_PTX, text(".target %s is not for this card, whose compute capability is %d.%d; build the module for sm_%d",
                             token_.c_str(), capability_ / 10, capability_ % 10, capability_));
    }
    module_->target = number;
    next();
  }

  // [.align N] .type [.ptr [space] [.align N]] name [ [N] ... ]
  Variable variable() {
    Variable result;
    bool pointer = false, sized = true;
    uint32_t width = 0;
    while (!token_.empty() && token_[0] == '.') {
      const std::string directive = take();
      if (directive == ".align") {
        const uint32_t align = number(".align");
        if (!pointer) result.align = align;  // behind .ptr it is the alignment of what is pointed to
      } else if (directive == ".ptr") {
        pointer = true;
      } else if (size_of(directive) != 0) {
        result.type = directive;
        width = size_of(directive);
      } else if (!pointer) {
        fail(INVALID_PTX, "expected a type, found '" + directive + "'");
      }
    }
    if (width == 0) fail(INVALID_PTX, "expected a type such as .u64, found " + found());
    result.name = name("a variable");
    uint64_t count = 1;
    while (take_if("[")) {
      if (token_ == "]") {
        sized = false;
      } else {
        count *= number("the size of an array");
      }
      expect("]", "behind the size of an array");
    }
    if (count * width > 0x7fffffff) fail(INVALID_PTX, "the array '" + result.name + "' is larger than 2 GiB");
    result.size = sized ? static_cast<uint32_t>(count * width) : 0;
    result.align = std::max(result.align, width);
    return result;
  }

  static uint32_t place(uint32_t* end, const Variable& variable) {
    const uint32_t offset = (*end + variable.align - 1) / variable.align * variable.align;
    *end = offset + variable.size;
    return offset;
  }

  void entry() {
    next();
    PtxEntry entry;
    entry.line = line_;
    entry.name = name("an entry");
    if (take_if("(") && !take_if(")")) {
      uint32_t end = 0;
      do {
        expect(".param", ("in the parameters of entry '" + entry.name + "'").c_str());
        const Variable parameter = variable();
        entry.parameters.push_back({parameter.name, parameter.type, parameter.size, place(&end, parameter)});
      } while (take_if(","));
      expect(")", ("behind the parameters of entry '" + entry.name + "'").c_str());
    }
    while (!token_.empty() && token_ != "{" && token_ != ";") {
      if (token_ == ".maxntid" || token_ == ".reqntid") {
        next();
        uint64_t threads = 1;
        do {
          threads *= number(".maxntid");
        } while (take_if(","));
        if (threads > 0 && threads < 1024) entry.maximum_threads = static_cast<int>(threads);
      } else {
        next();
      }
    }
    if (take_if(";")) return;  // a declaration
    if (token_ != "{") fail(INVALID_PTX, "the body of entry '" + entry.name + "' is missing, found " + found());
    block(&entry);
    module_->entries.push_back(std::move(entry));
  }

  // Skips { ... }, and adds up the shared memory that an entry declares there or names.
  void block(PtxEntry* entry) {
    const std::string where = entry != nullptr ? "entry '" + entry->name + "'" : "a block";
    int depth = 0;
    bool statement = true;
    std::set<std::string> named;
    do {
      if (token_.empty()) fail(INVALID_PTX, "the text ends inside " + where + "; hand over all of it, with a zero byte behind it");
      const std::string token = take();
      if (token == "{") depth++;
      if (token == "}") depth--;
      if (entry != nullptr && statement && token == ".shared") place(&entry->static_shared, variable());
      const auto shared = module_shared_.find(token);
      if (entry != nullptr && shared != module_shared_.end() && named.insert(token).second) place(&entry->static_shared, shared->second);
      statement = token == "{" || token == "}" || token == ";";
    } while (depth > 0);
  }

  const std::string& text_;
  const int capability_;
  PtxModule* const module_;
  size_t at_ = 0;
  int line_ = 1;
  std::string token_;
  bool after_extern_ = false;
  std::map<std::string, Variable> module_shared_;
};

const char* type_name(char type) {
  switch (type) {
    case 'p':
      return "a pointer";
    case 'i':
      return "a 32-bit integer";
    case 'l':
      return "a 64-bit integer";
    case 'f':
      return "a float";
    case 'd':
      return "a double";
    default:
      return "a structure or small type";
  }
}

// nvcc writes floats as .f32 and .f64, and integers and pointers of their size as .u or .s.
bool type_fits(const std::string& ptx, char kernel) {
  const bool floating = ptx == ".f32" || ptx == ".f64";
  const bool integer = ptx[1] == 'u' || ptx[1] == 's';
  if (kernel == 'f' || kernel == 'd') return !integer;
  if (kernel == 'p' || kernel == 'i' || kernel == 'l') return !floating;
  return true;
}

}  // namespace

Result parse_ptx(const std::string& text, int capability, PtxModule* module, std::string* error) {
  try {
    Parser(text, capability, module).parse();
    return SUCCESS;
  } catch (const Failure& failure) {
    *error = failure.text;
    return failure.code;
  }
}

Result check_signature(const PtxEntry& entry, const KernelEntry& kernel, std::string* error) {
  const char* const advice = "build the PTX and the emulated driver from the same source";
  const int count = static_cast<int>(entry.parameters.size());
  if (count != kernel.parameter_count) {
    *error = text("entry '%s' (line %d) has %d parameters, but the kernel in %s takes %d; %s", entry.name.c_str(), entry.line, count,
                  kernel.file, kernel.parameter_count, advice);
    return INVALID_IMAGE;
  }
  for (int i = 0; i < count; i++) {
    const PtxParameter& given = entry.parameters[i];
    const Parameter& wanted = kernel.parameters[i];
    if (given.size == wanted.size && type_fits(given.type, wanted.type)) continue;
    *error = text("entry '%s' (line %d), parameter %d of %d: the PTX has %u bytes (%s), but the kernel in %s takes %u bytes (%s); %s",
                  entry.name.c_str(), entry.line, i + 1, count, given.size, given.type.c_str(), kernel.file, wanted.size,
                  type_name(wanted.type), advice);
    return INVALID_IMAGE;
  }
  return SUCCESS;
}

}  // namespace emulator
