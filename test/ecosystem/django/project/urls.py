"""The routes of dj-auth that the tests use."""
from django.contrib.auth import authenticate
from django.urls import path
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.tokens import RefreshToken


class Register(APIView):
    permission_classes = [AllowAny]

    def post(self, request):
        return Response({"message": "Registration successful", "data": {}}, 201)


class Verify(APIView):
    permission_classes = [AllowAny]

    def get(self, request):
        return Response({"message": "Email Verification Successful", "data": {}})


class Login(APIView):
    permission_classes = [AllowAny]
    authentication_classes = []

    def post(self, request):
        credentials = {"username": request.data.get("email"), "password": request.data.get("password")}
        user = authenticate(request, **credentials)
        if user is None:
            return Response({"message": "Invalid credentials", "data": {}}, 401)
        refresh = RefreshToken.for_user(user)
        data = {"access_token": str(refresh.access_token), "refresh_token": str(refresh)}
        return Response({"message": "Login successful", "data": data})


class Logout(APIView):
    def post(self, request):
        return Response(status=204)


class Profile(APIView):
    def get(self, request):
        user = request.user
        data = {"email": user.email, "full_name": f"{user.first_name} {user.last_name}"}
        return Response({"message": "User data", "data": data})


class Update(APIView):
    def put(self, request):
        request.user.first_name = request.data["first_name"]
        request.user.save()
        return Response({"message": "User data modified successfully", "data": {}})


urlpatterns = [
    path("auth/register/", Register.as_view()),
    path("auth/register/verify", Verify.as_view()),
    path("auth/login/", Login.as_view()),
    path("auth/logout/", Logout.as_view()),
    path("auth/profile/view/", Profile.as_view()),
    path("auth/profile/update/", Update.as_view()),
]
