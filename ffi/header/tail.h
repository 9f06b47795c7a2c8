/* How the structs begin. Every field is named, so that compilers do not warn. */
#define OVO_CHARGE_INIT { (uint32_t)sizeof(ovo_charge), 0, 0, NULL, NULL, NULL, NULL, NULL }
#define OVO_OUTCOME_INIT \
  { (uint32_t)sizeof(ovo_outcome), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
    "", "", "", "", "", "", "", { "", "", "", "", "", "", "", "" } }
#define OVO_RECORD_INIT \
  { (uint32_t)sizeof(ovo_record), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, "", "", "", "", "" }
#define OVO_FILTER_INIT { (uint32_t)sizeof(ovo_filter), 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL }
#define OVO_RESPONSE_CODE_INIT \
  { (uint32_t)sizeof(ovo_response_code), 0, 0, 0, 0, 0, "", "", "" }
#define OVO_VOID_RESULT_INIT { (uint32_t)sizeof(ovo_void_result), 0, "" }
#define OVO_DIAGNOSIS_INIT { (uint32_t)sizeof(ovo_diagnosis), 0, 0, 0, 0, 0, 0, 0, 0, "", "", 0, 0, 0, 0 }
#define OVO_ERROR_FACTS_INIT { (uint32_t)sizeof(ovo_error_facts), 0, 0, "", "" }
#define OVO_SETTLEMENT_LINE_INIT { (uint32_t)sizeof(ovo_settlement_line), 0, 0, 0, NULL }
#define OVO_RECONCILED_INIT { (uint32_t)sizeof(ovo_reconciled), 0, 0, 0, 0, 0, "", "" }
#define OVO_CLOCK_INIT { (uint32_t)sizeof(ovo_clock), 0, NULL, NULL, NULL, NULL, NULL }

/* The sizes that the library was compiled with: a compiler that lays a struct out otherwise (a
   packing pragma around the include) stops here. */
#if defined(__cplusplus)
#define OVO_ASSERT_SIZE(type, bytes) static_assert(sizeof(type) == (bytes), #type)
#elif __STDC_VERSION__ >= 201112L
#define OVO_ASSERT_SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type)
#else
#define OVO_ASSERT_SIZE(type, bytes) typedef char type##_has_another_size[sizeof(type) == (bytes) ? 1 : -1]
#endif
OVO_ASSERT_SIZE(ovo_wallet, 352);
OVO_ASSERT_SIZE(ovo_outcome, 768);
OVO_ASSERT_SIZE(ovo_record, 232);
OVO_ASSERT_SIZE(ovo_filter, 48 + 2 * sizeof(void *));
OVO_ASSERT_SIZE(ovo_response_code, 288);
OVO_ASSERT_SIZE(ovo_void_result, 16);
OVO_ASSERT_SIZE(ovo_diagnosis, 80);
OVO_ASSERT_SIZE(ovo_error_facts, 104);
OVO_ASSERT_SIZE(ovo_reconciled, 600);
OVO_ASSERT_SIZE(ovo_settlement_line, (24 + sizeof(void *) + 7) / 8 * 8);
OVO_ASSERT_SIZE(ovo_charge, (16 + 5 * sizeof(void *) + 7) / 8 * 8);
OVO_ASSERT_SIZE(ovo_clock, 8 + 5 * sizeof(void *));
#undef OVO_ASSERT_SIZE
