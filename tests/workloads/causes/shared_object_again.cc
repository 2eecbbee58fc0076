// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Cause 1: one shared object mapped again and again. A service maps its frame buffer for each input of a batch and
 * unmaps it once a batch: with one input a batch all is well, with real data maps pile up over one physical object.
 *
 *     shared_object_again [BATCHES [PACE_US [INPUTS [OBJECT]]]]
 */
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace service
{

constexpr size_t frame_size = 64 * 1024;

/* A shared-memory object of one frame. */
class FrameBuffer
{
      public:
	explicit FrameBuffer(const std::string &name) : name_(name)
	{
		fd_ = shm_open(name.c_str(), O_RDWR | O_CREAT, 0600);
		if (fd_ < 0 || ftruncate(fd_, frame_size) < 0)
			throw std::runtime_error("cannot make " + name);
	}
	~FrameBuffer()
	{
		close(fd_);
		shm_unlink(name_.c_str());
	}
	FrameBuffer(const FrameBuffer &) = delete;
	FrameBuffer &operator=(const FrameBuffer &) = delete;
	int fd() const
	{
		return fd_;
	}

      private:
	std::string name_;
	int fd_ = -1;
};

/* One look at the frame. It is a plain pointer and a size: whoever made it has to release it. */
class FrameView
{
      public:
	explicit FrameView(const FrameBuffer &buffer)
	{
		void *at = mmap(nullptr, frame_size, PROT_READ, MAP_SHARED, buffer.fd(), 0); /* LEAK */

		if (at == MAP_FAILED)
			throw std::bad_alloc();
		pixels_ = static_cast<const unsigned char *>(at);
	}
	void release()
	{
		munmap(const_cast<unsigned char *>(pixels_), frame_size);
	}
	unsigned int brightness() const
	{
		unsigned int sum = 0;

		for (size_t i = 0; i < frame_size; i += 4096)
			sum += pixels_[i];
		return sum;
	}

      private:
	const unsigned char *pixels_;
};

class Detector
{
      public:
	Detector(const std::string &object, long inputs, long pace_us)
	    : buffer_(object), inputs_(inputs), pace_(std::chrono::microseconds(pace_us))
	{
	}
	void batch();
	unsigned long score() const
	{
		return score_;
	}

      private:
	FrameBuffer buffer_;
	long inputs_;
	std::chrono::microseconds pace_;
	unsigned long score_ = 0;
};

__attribute__((noinline)) void Detector::batch()
{
	FrameView view(buffer_);

	for (long input = 1; input < inputs_; input++) {
		score_ += view.brightness();
		std::this_thread::sleep_for(pace_);
		view = FrameView(buffer_);
	}
	score_ += view.brightness();
	std::this_thread::sleep_for(pace_);
	/* The bug: the views before the last one are gone, their maps are not. */
	view.release();
}

} // namespace service

int main(int argc, char **argv)
{
	long batches = argc > 1 ? atol(argv[1]) : 10000;
	long pace_us = argc > 2 ? atol(argv[2]) : 1000;
	long inputs = argc > 3 ? atol(argv[3]) : 8;
	std::string object = argc > 4 ? argv[4] : "/detector-frames";

	try {
		service::Detector detector(object, inputs, pace_us);

		for (long batch = 0; batch < batches; batch++)
			detector.batch();
		printf("score %lu\n", detector.score());
	} catch (const std::exception &error) {
		fprintf(stderr, "detector: %s\n", error.what());
		return 1;
	}
	return 0;
}
