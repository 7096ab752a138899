// SPDX-License-Identifier: Apache-2.0
// A libnvidia-ml.so.1 that answers from a file: GPUs, vGPUs, and how the calls go wrong.
//
// Numbers and layouts are of nvml.h (go-nvml, gen/nvml/nvml.h at 2f9e261f). A function is
// left out by giving it another name: -D nvmlGetVgpuVersion=left_out.
//
// The file lies beside it, and has its name and `.spec`. A line is a key and what follows
// it; `gpu` and `vgpu` begin what the lines below are about. What is left out is as usual.
//
//   driver TEXT               of the host
//   supported LOW HIGH        vGPU versions that the driver could take
//   range LOW HIGH            those that it takes now
//   type ID NAME              of vGPUs
//   compatibility VGPU GPU STATES LIMITS
//                             of two labels, or `*`: bits of nvml.h; the first one counts
//   compatibility VGPU GPU FAULT [NUMBER]
//   gpu ADDRESS
//     name TEXT, memory MIB, ecc on|off|none, capability NUMBER VALUE
//     accepts PATTERN         labels of vGPUs that it loads; several lines; without, all
//     accepts-driver PATTERN  the same of the drivers of their hosts
//     lost CALLS              after so many it is not on the bus any more
//     vgpu                    on the GPU above
//       mdev UUID, vm UUID, type ID, guest-driver TEXT, guest-version NUMBER,
//       guest-state 0|1
//     of both, for their metadata: label TEXT, version, revision, caps, opaque BYTES
//   FAULT CALL [NUMBER]       in any call, or of the GPU or vGPU above: `error` with what
//                             it gives, `crash` or `hang`
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	SUCCESS = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3,
	NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, GPU_IS_LOST = 15,
};
enum { MOST_GPUS = 64, MOST_TYPES = 256, MOST_PAIRS = 256, MOST_FAULTS = 8, TEXT = 96,
       PATTERNS = 1024, PATH = 4096 };
enum { CAPABILITIES = 12, VERSION_TEXT = 80, VM_IS_UUID = 1 };
enum { COLD = 1, ALL_STATES = 0xf, HOST_DRIVER = 1, GUEST_DRIVER = 2, GPU = 4 };

struct range { unsigned lowest, highest; };

struct vgpu_metadata {
	unsigned version, revision, guest_state;
	char guest_driver[VERSION_TEXT], host_driver[VERSION_TEXT];
	unsigned reserved[6], caps, guest_version, opaque_size;
	char opaque[];
};

struct gpu_metadata {
	unsigned version, revision;
	char host_driver[VERSION_TEXT];
	unsigned caps, reserved[5];
	struct range range;
	unsigned opaque_size;
	char opaque[];
};

struct pci_info {
	char legacy[16];
	unsigned domain, bus, device, id, subsystem;
	char text[32];
};

struct fault { char call[TEXT]; char kind; int number; };
struct faults { int count; struct fault each[MOST_FAULTS]; };

struct gpu {
	char address[TEXT], name[TEXT], label[TEXT];
	char accepts[PATTERNS], drivers[PATTERNS]; /* lines */
	unsigned long long memory; /* MiB */
	int ecc;                   /* -1: it has none */
	unsigned version, revision, caps, opaque, capabilities[CAPABILITIES];
	int lost_after;            /* calls; -1: never */
	struct faults faults;
};

struct vgpu {
	struct gpu *gpu;
	char mdev[TEXT], vm[TEXT], guest_driver[TEXT], label[TEXT];
	unsigned type, guest_state, guest_version, version, revision, caps, opaque;
	struct faults faults;
};

static char driver[TEXT];
static struct range supported, current;
static struct { unsigned id; char name[TEXT]; } types[MOST_TYPES];
static struct pair {
	char vgpu[TEXT], gpu[TEXT];
	unsigned states, limits;
	struct faults faults;
} pairs[MOST_PAIRS];
static struct gpu gpus[MOST_GPUS];
static struct vgpu *vgpus;
static unsigned gpu_count, vgpu_count, type_count, pair_count;
static struct faults everywhere;
static int initialized;

// ---- the file ---------------------------------------------------------------------

static void stop(const char *why, const char *line)
{
	fprintf(stderr, "fake NVML: %s: %s\n", why, line);
	exit(96);
}

static int is(const char *key, const char *name) { return strcmp(key, name) == 0; }

static void read_fault(struct faults *into, char kind, const char *text, const char *line)
{
	struct fault *fault = &into->each[into->count];
	if (into->count++ == MOST_FAULTS)
		stop("too many faults", line);
	fault->kind = kind;
	if (sscanf(text, "%95s %d", fault->call, &fault->number) < 1)
		stop("no such fault", line);
}

static int add_line(char *lines, const char *text)
{
	if (strlen(lines) + strlen(text) + 2 > PATTERNS)
		return 0;
	strcat(strcat(lines, text), "\n");
	return 1;
}

static int read_gpu_key(struct gpu *gpu, const char *key, const char *text)
{
	unsigned number = strtoul(text, NULL, 0), value;

	if (is(key, "name")) strcpy(gpu->name, text);
	else if (is(key, "memory")) gpu->memory = strtoull(text, NULL, 0);
	else if (is(key, "ecc")) gpu->ecc = is(text, "none") ? -1 : is(text, "on");
	else if (is(key, "label")) strcpy(gpu->label, text);
	else if (is(key, "version")) gpu->version = number;
	else if (is(key, "revision")) gpu->revision = number;
	else if (is(key, "caps")) gpu->caps = number;
	else if (is(key, "opaque")) gpu->opaque = number;
	else if (is(key, "lost")) gpu->lost_after = number;
	else if (is(key, "accepts")) return add_line(gpu->accepts, text);
	else if (is(key, "accepts-driver")) return add_line(gpu->drivers, text);
	else if (is(key, "capability")) {
		if (sscanf(text, "%u %u", &number, &value) != 2 || number >= CAPABILITIES)
			return 0;
		gpu->capabilities[number] = value;
	} else return 0;
	return 1;
}

static int read_vgpu_key(struct vgpu *vgpu, const char *key, const char *text)
{
	unsigned number = strtoul(text, NULL, 0);

	if (is(key, "mdev")) strcpy(vgpu->mdev, text);
	else if (is(key, "vm")) strcpy(vgpu->vm, text);
	else if (is(key, "type")) vgpu->type = number;
	else if (is(key, "guest-driver")) strcpy(vgpu->guest_driver, text);
	else if (is(key, "guest-version")) vgpu->guest_version = number;
	else if (is(key, "guest-state")) vgpu->guest_state = number;
	else if (is(key, "label")) strcpy(vgpu->label, text);
	else if (is(key, "version")) vgpu->version = number;
	else if (is(key, "revision")) vgpu->revision = number;
	else if (is(key, "caps")) vgpu->caps = number;
	else if (is(key, "opaque")) vgpu->opaque = number;
	else return 0;
	return 1;
}

static int is_fault(const char *key)
{
	return is(key, "error") || is(key, "crash") || is(key, "hang");
}

static int read_pair(const char *text)
{
	struct pair *pair = &pairs[pair_count];
	char first[TEXT], second[TEXT] = "0", fault[2 * TEXT];

	if (pair_count++ == MOST_PAIRS ||
	    sscanf(text, "%95s %95s %95s %95s", pair->vgpu, pair->gpu, first, second) < 3)
		return 0;
	if (is_fault(first)) {
		snprintf(fault, sizeof fault, "nvmlGetVgpuCompatibility %s", second);
		read_fault(&pair->faults, first[0], fault, text);
	} else {
		pair->states = strtoul(first, NULL, 0);
		pair->limits = strtoul(second, NULL, 0);
	}
	return 1;
}

static int read_type(const char *text)
{
	if (type_count == MOST_TYPES)
		return 0;
	return sscanf(text, "%u %95[^\n]", &types[type_count].id,
		      types[type_count].name) == 2 && ++type_count;
}

static int read_host_key(const char *key, const char *text)
{
	if (is(key, "driver")) strcpy(driver, text);
	else if (is(key, "supported"))
		return sscanf(text, "%u %u", &supported.lowest, &supported.highest) == 2;
	else if (is(key, "range"))
		return sscanf(text, "%u %u", &current.lowest, &current.highest) == 2;
	else if (is(key, "type"))
		return read_type(text);
	else if (is(key, "compatibility"))
		return read_pair(text);
	else return 0;
	return 1;
}

static struct gpu *begin_gpu(const char *address, const char *line)
{
	struct gpu *gpu = &gpus[gpu_count];

	if (gpu_count++ == MOST_GPUS)
		stop("too many GPUs", line);
	*gpu = (struct gpu){.ecc = -1, .version = 1, .revision = 1, .caps = 1,
			    .opaque = 256, .lost_after = -1};
	strcpy(gpu->address, address);
	return gpu;
}

static struct vgpu *begin_vgpu(struct gpu *gpu, const char *line)
{
	static unsigned room;

	if (gpu == NULL)
		stop("a vGPU of no GPU", line);
	if (vgpu_count == room) {
		room = room ? 2 * room : 64;
		vgpus = realloc(vgpus, room * sizeof *vgpus);
	}
	vgpus[vgpu_count] = (struct vgpu){.gpu = gpu, .version = 1, .revision = 1,
					  .caps = 1, .guest_state = 1, .opaque = 260};
	return &vgpus[vgpu_count++];
}

static void read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[512], key[TEXT], text[TEXT];
	struct gpu *gpu = NULL;
	struct vgpu *vgpu = NULL;

	if (file == NULL)
		stop("no file", path);
	while (fgets(line, sizeof line, file)) {
		text[0] = 0;
		if (sscanf(line, " %95s %95[^\n]", key, text) < 1 || key[0] == '#')
			continue;
		struct faults *faults = vgpu ? &vgpu->faults : gpu ? &gpu->faults : &everywhere;
		if (is(key, "gpu")) {
			gpu = begin_gpu(text, line);
			vgpu = NULL;
		} else if (is(key, "vgpu"))
			vgpu = begin_vgpu(gpu, line);
		else if (is_fault(key))
			read_fault(faults, key[0], text, line);
		else if (!(vgpu ? read_vgpu_key(vgpu, key, text)
			   : gpu ? read_gpu_key(gpu, key, text)
			   : read_host_key(key, text)))
			stop("not understood", line);
	}
	fclose(file);
}

static void read_own_file(void)
{
	char path[PATH];
	Dl_info here;

	if (!dladdr(&initialized, &here) ||
	    snprintf(path, sizeof path, "%s.spec", here.dli_fname) >= (int)sizeof path)
		stop("no name", "dladdr");
	read_file(path);
}

// ---- how each call begins -----------------------------------------------------------

static int misfortune(const struct faults *faults, const char *call)
{
	for (int at = 0; at < faults->count; at++) {
		const struct fault *fault = &faults->each[at];
		if (!is(fault->call, call))
			continue;
		if (fault->kind == 'c')
			abort();
		while (fault->kind == 'h')
			pause();
		return fault->number;
	}
	return SUCCESS;
}

static int begin(const char *call, struct gpu *gpu, struct vgpu *vgpu)
{
	int wrong = misfortune(&everywhere, call);

	if (!wrong && gpu != NULL)
		wrong = misfortune(&gpu->faults, call);
	if (!wrong && vgpu != NULL)
		wrong = misfortune(&vgpu->faults, call);
	if (!wrong && !initialized)
		wrong = UNINITIALIZED;
	if (!wrong && gpu != NULL && gpu->lost_after >= 0 && gpu->lost_after-- <= 0) {
		gpu->lost_after = 0;
		wrong = GPU_IS_LOST;
	}
	return wrong;
}

static struct vgpu *vgpu_of(unsigned instance)
{
	return instance && instance <= vgpu_count ? &vgpus[instance - 1] : NULL;
}

#define BEGIN(gpu, vgpu) do { \
	int wrong = begin(__func__, gpu, vgpu); \
	if (wrong) return wrong; \
} while (0)
#define BEGIN_VGPU(vgpu, instance) \
	struct vgpu *vgpu = vgpu_of(instance); \
	if (vgpu == NULL) return NOT_FOUND; \
	BEGIN(vgpu->gpu, vgpu)

static int give(const char *text, char *into, unsigned length)
{
	if (strlen(text) >= length)
		return INSUFFICIENT_SIZE;
	strcpy(into, text);
	return SUCCESS;
}

// ---- the host -----------------------------------------------------------------------

int nvmlInitWithFlags(unsigned flags)
{
	(void)flags;
	if (!initialized)
		read_own_file();
	initialized = 1;
	BEGIN(NULL, NULL);
	return SUCCESS;
}

int nvmlShutdown(void) { return SUCCESS; }

const char *nvmlErrorString(int error)
{
	(void)error;
	return "an error";
}

int nvmlSystemGetDriverVersion(char *text, unsigned length)
{
	BEGIN(NULL, NULL);
	return give(driver, text, length);
}

int nvmlGetVgpuVersion(struct range *of_driver, struct range *now)
{
	BEGIN(NULL, NULL);
	*of_driver = supported;
	*now = current;
	return SUCCESS;
}

int nvmlVgpuTypeGetName(unsigned type, char *name, unsigned *length)
{
	BEGIN(NULL, NULL);
	for (unsigned at = 0; at < type_count; at++)
		if (types[at].id == type)
			return give(types[at].name, name, *length);
	return INVALID_ARGUMENT;
}

// ---- a GPU --------------------------------------------------------------------------

int nvmlDeviceGetCount_v2(unsigned *count)
{
	BEGIN(NULL, NULL);
	*count = gpu_count;
	return SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, struct gpu **gpu)
{
	if (index >= gpu_count)
		return INVALID_ARGUMENT;
	BEGIN(&gpus[index], NULL);
	*gpu = &gpus[index];
	return SUCCESS;
}

int nvmlDeviceGetPciInfo_v3(struct gpu *gpu, struct pci_info *info)
{
	unsigned function;

	BEGIN(gpu, NULL);
	memset(info, 0, sizeof *info);
	sscanf(gpu->address, "%x:%x:%x.%x", &info->domain, &info->bus, &info->device, &function);
	snprintf(info->legacy, sizeof info->legacy, "%04X:%02X:%02X.%u",
		 info->domain & 0xffff, info->bus & 0xff, info->device & 0x1f, function & 7);
	snprintf(info->text, sizeof info->text, "%08X:%02X:%02X.%u",
		 info->domain, info->bus, info->device, function);
	return SUCCESS;
}

int nvmlDeviceGetName(struct gpu *gpu, char *name, unsigned length)
{
	BEGIN(gpu, NULL);
	return give(gpu->name, name, length);
}

int nvmlDeviceGetMemoryInfo(struct gpu *gpu, unsigned long long memory[3])
{
	BEGIN(gpu, NULL);
	memory[0] = gpu->memory << 20;
	memory[1] = memory[0];
	memory[2] = 0;
	return SUCCESS;
}

int nvmlDeviceGetEccMode(struct gpu *gpu, unsigned *now, unsigned *next)
{
	BEGIN(gpu, NULL);
	if (gpu->ecc < 0)
		return NOT_SUPPORTED;
	*now = *next = gpu->ecc;
	return SUCCESS;
}

int nvmlDeviceGetVgpuCapabilities(struct gpu *gpu, unsigned capability, unsigned *value)
{
	BEGIN(gpu, NULL);
	if (capability >= CAPABILITIES)
		return INVALID_ARGUMENT;
	*value = gpu->capabilities[capability];
	return SUCCESS;
}

// The opaque data are texts, which `text_of` finds, and go on with a pattern.
static void fill_opaque(char *into, unsigned size, const char *const texts[], int count)
{
	unsigned at = 0;

	for (int each = 0; each < count; each++)
		for (const char *from = texts[each]; at < size; from++) {
			into[at++] = *from;
			if (!*from)
				break;
		}
	for (; at < size; at++)
		into[at] = (char)at;
}

int nvmlDeviceGetVgpuMetadata(struct gpu *gpu, struct gpu_metadata *data, unsigned *size)
{
	unsigned needed = sizeof *data + gpu->opaque;
	const char *const texts[] = {gpu->label, gpu->accepts, gpu->drivers};

	BEGIN(gpu, NULL);
	if (data == NULL || *size < needed) {
		*size = needed;
		return INSUFFICIENT_SIZE;
	}
	memset(data, 0, sizeof *data);
	data->version = gpu->version;
	data->revision = gpu->revision;
	strcpy(data->host_driver, driver);
	data->caps = gpu->caps;
	data->range = current;
	data->opaque_size = gpu->opaque;
	fill_opaque(data->opaque, gpu->opaque, texts, 3);
	*size = needed;
	return SUCCESS;
}

int nvmlDeviceGetActiveVgpus(struct gpu *gpu, unsigned *count, unsigned *instances)
{
	unsigned room = *count;

	BEGIN(gpu, NULL);
	*count = 0;
	for (unsigned at = 0; at < vgpu_count; at++)
		if (vgpus[at].gpu == gpu && (*count)++ < room && instances)
			instances[*count - 1] = at + 1;
	return *count > room ? INSUFFICIENT_SIZE : SUCCESS;
}

// ---- a vGPU -------------------------------------------------------------------------

int nvmlVgpuInstanceGetMdevUUID(unsigned instance, char *uuid, unsigned length)
{
	BEGIN_VGPU(vgpu, instance);
	return vgpu->mdev[0] ? give(vgpu->mdev, uuid, length) : NOT_SUPPORTED;
}

int nvmlVgpuInstanceGetVmID(unsigned instance, char *id, unsigned length, unsigned *kind)
{
	BEGIN_VGPU(vgpu, instance);
	*kind = VM_IS_UUID;
	return vgpu->vm[0] ? give(vgpu->vm, id, length) : NOT_SUPPORTED;
}

int nvmlVgpuInstanceGetVmDriverVersion(unsigned instance, char *text, unsigned length)
{
	BEGIN_VGPU(vgpu, instance);
	return give(vgpu->guest_state ? vgpu->guest_driver : "Not Available", text, length);
}

int nvmlVgpuInstanceGetType(unsigned instance, unsigned *type)
{
	BEGIN_VGPU(vgpu, instance);
	*type = vgpu->type;
	return SUCCESS;
}

int nvmlVgpuInstanceGetMetadata(unsigned instance, struct vgpu_metadata *data, unsigned *size)
{
	BEGIN_VGPU(vgpu, instance);
	unsigned needed = sizeof *data + vgpu->opaque;

	if (data == NULL || *size < needed) {
		*size = needed;
		return INSUFFICIENT_SIZE;
	}
	memset(data, 0, sizeof *data);
	data->version = vgpu->version;
	data->revision = vgpu->revision;
	data->guest_state = vgpu->guest_state;
	if (vgpu->guest_state) {
		strcpy(data->guest_driver, vgpu->guest_driver);
		data->guest_version = vgpu->guest_version;
	}
	strcpy(data->host_driver, driver);
	data->caps = vgpu->caps;
	data->opaque_size = vgpu->opaque;
	fill_opaque(data->opaque, vgpu->opaque, (const char *const[]){vgpu->label}, 1);
	*size = needed;
	return SUCCESS;
}

// ---- whether a GPU loads a vGPU -------------------------------------------------------

// Give one of the texts that opaque data begin with; what is not there is empty.
static const char *text_of(const char *opaque, unsigned size, int number)
{
	const char *end = opaque + size;

	for (; number && opaque < end; number--)
		opaque += strnlen(opaque, end - opaque) + 1;
	return opaque < end && memchr(opaque, 0, end - opaque) ? opaque : "";
}

// Whether a text is as one of the patterns, of which there is one a line.
static int matches(const char *patterns, const char *text)
{
	char lines[PATTERNS], *rest = lines, *pattern;

	if (!*patterns)
		return 1;
	snprintf(lines, sizeof lines, "%s", patterns);
	while ((pattern = strsep(&rest, "\n")) != NULL)
		if (*pattern && fnmatch(pattern, text, 0) == 0)
			return 1;
	return 0;
}

// What GPUs accept is in their metadata, so that any host's library says the same of it.
static unsigned limits_of(const struct vgpu_metadata *vgpu, const struct gpu_metadata *gpu)
{
	const char *label = text_of(vgpu->opaque, vgpu->opaque_size, 0);
	const char *accepts = text_of(gpu->opaque, gpu->opaque_size, 1);
	const char *drivers = text_of(gpu->opaque, gpu->opaque_size, 2);
	unsigned limits = 0;

	if (!matches(drivers, vgpu->host_driver))
		limits |= HOST_DRIVER;
	if (vgpu->guest_state && (vgpu->guest_version < gpu->range.lowest ||
				  vgpu->guest_version > gpu->range.highest))
		limits |= GUEST_DRIVER;
	if (!matches(accepts, label))
		limits |= GPU;
	return limits;
}

// Metadata may be of any host's: labels say what it is of. A pair of the file comes first.
int nvmlGetVgpuCompatibility(struct vgpu_metadata *vgpu, struct gpu_metadata *gpu,
			     unsigned found[2])
{
	BEGIN(NULL, NULL);
	found[1] = limits_of(vgpu, gpu);
	found[0] = found[1] ? COLD : ALL_STATES;
	for (unsigned at = 0; at < pair_count; at++) {
		struct pair *pair = &pairs[at];
		int wrong;

		if (!is(pair->vgpu, "*") && !is(pair->vgpu, vgpu->opaque))
			continue;
		if (!is(pair->gpu, "*") && !is(pair->gpu, gpu->opaque))
			continue;
		wrong = misfortune(&pair->faults, __func__);
		found[0] = pair->states;
		found[1] = pair->limits;
		return wrong;
	}
	return SUCCESS;
}
