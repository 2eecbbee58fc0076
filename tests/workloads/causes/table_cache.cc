// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Cause 12 again, to the end: a store maps each block of each of its tables, and its cache of tables has no bound
 * (leveldb#128, pmdk#5131: it fails at iteration 65478). mmap says ENOMEM; the store says that the table is corrupt.
 *
 *     table_cache FOLDER [TABLES [PACE_US [BLOCKS_PER_TABLE]]]
 */
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace store
{

constexpr size_t block_size = 4096;

class Block
{
      public:
	Block(int fd, long number)
	{
		/* Only every other page is data, so that no two blocks are one map. */
		off_t offset = 2 * number * block_size;

		data_ = mmap(nullptr, block_size, PROT_READ, MAP_SHARED, fd, offset); /* LEAK */
		if (data_ == MAP_FAILED)
			throw std::runtime_error("corrupt block");
	}
	~Block()
	{
		munmap(data_, block_size);
	}
	Block(const Block &) = delete;
	Block &operator=(const Block &) = delete;

      private:
	void *data_;
};

class Table
{
      public:
	Table(const std::string &path, long blocks)
	{
		int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

		if (fd < 0 || ftruncate(fd, 2 * blocks * block_size) < 0)
			throw std::runtime_error("cannot open " + path);
		for (long number = 0; number < blocks; number++)
			blocks_.push_back(std::make_unique<Block>(fd, number));
		close(fd);
	}

      private:
	std::vector<std::unique_ptr<Block>> blocks_;
};

class TableCache
{
      public:
	TableCache(const std::string &folder, long blocks) : folder_(folder), blocks_(blocks)
	{
	}
	const Table &find(long number);

      private:
	std::string folder_;
	long blocks_;
	std::unordered_map<long, std::unique_ptr<Table>> tables_;
};

const Table &TableCache::find(long number)
{
	auto found = tables_.find(number);

	if (found == tables_.end()) {
		auto table = std::make_unique<Table>(folder_ + "/" + std::to_string(number) + ".ldb", blocks_);

		found = tables_.emplace(number, std::move(table)).first;
	}
	return *found->second;
}

} // namespace store

int main(int argc, char **argv)
{
	std::string folder = argc > 1 ? argv[1] : ".";
	long count = argc > 2 ? atol(argv[2]) : 100000;
	long pace_us = argc > 3 ? atol(argv[3]) : 0;
	long blocks = argc > 4 ? atol(argv[4]) : 1;
	store::TableCache cache(folder, blocks);

	for (long number = 0; number < count; number++) {
		try {
			cache.find(number);
		} catch (const std::exception &error) {
			fprintf(stderr, "iteration %ld: table %ld: %s\n", number, number, error.what());
			return 1;
		}
		if (pace_us > 0)
			usleep(pace_us);
	}
	return 0;
}
