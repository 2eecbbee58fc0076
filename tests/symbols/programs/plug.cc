// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A library in C++, to be loaded by the target.
namespace plug
{
struct Thingies {
	static void call(void (*fn)());
	template <typename T> static void apply(T fn);
};

template <typename T> __attribute__((noinline)) void Thingies::apply(T fn)
{
	fn(); // line: apply
	__asm__ volatile("" ::: "memory");
}

void Thingies::call(void (*fn)())
{
	apply<void (*)()>(fn); // line: call
	__asm__ volatile("" ::: "memory");
}
} // namespace plug
