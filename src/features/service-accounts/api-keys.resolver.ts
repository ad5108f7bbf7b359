/** API keys over GraphQL. */
import 'reflect-metadata'; // type-graphql needs it when a decorator runs
import {
  Arg,
  Ctx,
  Field,
  FieldResolver,
  ID,
  InputType,
  Mutation,
  ObjectType,
  Resolver,
  Root,
} from 'type-graphql';
import { actorIdOf, type RequestContext, requireActor } from '../../core/request-context.ts';
import { requireAdministrator } from '../administration/policies.ts';
import type { KeyLoadersOf } from '../api-keys/key-loaders.ts';
import {
  AcknowledgementType,
  acknowledge,
  NodeType,
  resultUnion,
} from '../common-types.resolver.ts';
import { UserType } from '../users/users.resolver.ts';
import type { KeyManagement } from './key-management.ts';

@ObjectType('ApiKey', { implements: NodeType })
export class ApiKeyType {
  @Field(() => ID)
  id!: string;

  @Field(() => String)
  name!: string;

  @Field(() => String)
  prefix!: string;

  @Field(() => [String], { nullable: true })
  permissions!: readonly string[] | null;

  @Field(() => Date)
  createdAt!: Date;

  @Field(() => Date, { nullable: true })
  expiresAt!: Date | null;

  @Field(() => Date, { nullable: true })
  lastUsedAt!: Date | null;
}

@ObjectType('NewApiKey')
class NewApiKeyType {
  @Field(() => ApiKeyType)
  apiKey!: ApiKeyType;

  @Field(() => String)
  secret!: string;
}

@InputType('CreateApiKeyInput')
class CreateApiKeyInputType {
  @Field(() => String)
  name!: string;

  @Field(() => Date, { nullable: true })
  expiresAt?: Date | null;

  @Field(() => [String], { nullable: true })
  permissions?: string[] | null;

  @Field(() => ID, { nullable: true })
  serviceAccountId?: string | null;
}

const CreateApiKeyResult = resultUnion('CreateApiKeyResult', NewApiKeyType);
const RevokeApiKeyResult = resultUnion('RevokeApiKeyResult', AcknowledgementType);

@Resolver(() => UserType)
export class UserApiKeysResolver {
  readonly #keyLoadersOf: KeyLoadersOf;

  constructor(keyLoadersOf: KeyLoadersOf) {
    this.#keyLoadersOf = keyLoadersOf;
  }

  @FieldResolver(() => [ApiKeyType])
  async apiKeys(
    @Root() user: UserType,
    @Ctx() context: RequestContext,
  ): Promise<readonly ApiKeyType[]> {
    const isOwn = actorIdOf(requireActor(context)) === user.id;
    if (!isOwn) requireAdministrator(context, 'users.view_user');
    return this.#keyLoadersOf(context).keysOfUser.load(user.id);
  }
}

@Resolver()
export class ApiKeysResolver {
  readonly #keys: KeyManagement;

  constructor(keys: KeyManagement) {
    this.#keys = keys;
  }

  @Mutation(() => CreateApiKeyResult)
  createApiKey(
    @Arg('input', () => CreateApiKeyInputType) input: CreateApiKeyInputType,
    @Ctx() context: RequestContext,
  ): Promise<typeof CreateApiKeyResult> {
    return this.#keys.createApiKey(input, context);
  }

  @Mutation(() => RevokeApiKeyResult)
  async revokeApiKey(
    @Arg('id', () => ID) id: string,
    @Ctx() context: RequestContext,
  ): Promise<typeof RevokeApiKeyResult> {
    await this.#keys.revokeApiKey(id, context);
    return acknowledge('The API key is revoked.');
  }
}
